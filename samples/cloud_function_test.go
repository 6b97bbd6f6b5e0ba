package samples_test

import (
	"bytes"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/samples"
)

const cloudFunction = "cloud-function"

var update = flag.Bool("update", false, "write the sample's params again")

// buildpackMain is the program that Google's buildpack for Go puts around a
// function.
const buildpackMain = `package main

import (
	"log"
	"os"

	_ "github.com/modelfn/modelfn/samples/cloud-function"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	log.Fatal(funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")))
}
`

// TestCloudFunction: the folder, vendored as its README says and taken away from
// the repository, builds as in the cloud, and predicts.
func TestCloudFunction(t *testing.T) {
	source := t.TempDir()
	files, err := filepath.Glob(filepath.Join(cloudFunction, "*"))
	require.NoError(t, err)
	for _, file := range files {
		if filepath.Base(file) == "vendor" {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(source, filepath.Base(file)), text, 0o600))
	}
	run(t, cloudFunction, "go", "mod", "vendor", "-o", filepath.Join(source, "vendor"))
	require.Equal(t, "github.com/modelfn/modelfn/samples/cloud-function\n", run(t, source, "go", "list", "-m"))

	app := filepath.Join(source, "functions.local", "app")
	require.NoError(t, os.MkdirAll(app, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(app, "main.go"), []byte(buildpackMain), 0o600))
	program := filepath.Join(t.TempDir(), "main")
	run(t, source, "env", "GOPROXY=off", "GOFLAGS=-mod=vendor", "go", "build", "-trimpath", "-o", program, "./functions.local/app")

	url := start(t, program)
	resp, err := http.Post(url+"/predict", "application/json", strings.NewReader(`{"input":[32.1,101,4.8598]}`))
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	require.Contains(t, string(body), `{"output":111.885`)
	require.Equal(t, "model-a", resp.Header.Get("Modelfn-Model"))
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v: %s", name, args, stderr.String())
	return string(out)
}

// start runs the program as the platform does, until the test ends.
func start(t *testing.T, program string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = []string{"PORT=" + port, "FUNCTION_TARGET=predict", "K_SERVICE=model-a", "K_REVISION=model-a-00001-abc", "TMPDIR=" + t.TempDir()}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	require.Eventually(t, func() bool {
		select {
		case <-ended:
			require.Fail(t, "the program has ended", out.String())
		default:
		}
		resp, err := http.Get("http://" + address + "/health/ready")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, time.Minute, 10*time.Millisecond)
	return "http://" + address
}

// TestCloudFunctionParams: the baked params are what the training gives.
func TestCloudFunctionParams(t *testing.T) {
	data, err := training.ReadCSV(bytes.NewReader(samples.Diabetes))
	require.NoError(t, err)
	results, err := training.Train(t.Context(), data, nil)
	require.NoError(t, err)
	for _, r := range results {
		if r.Name == "model-a" {
			want, err := r.Bundle.Encode()
			require.NoError(t, err)
			path := filepath.Join(cloudFunction, "params.json")
			if *update {
				require.NoError(t, os.WriteFile(path, want, 0o600))
			}
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), "write it again: go test ./samples -run Params -update")
			return
		}
	}
	require.Fail(t, "model-a is not trained")
}

// TestCloudFunctionVersions: the sample is built with the versions that the
// repository is tested with.
func TestCloudFunctionVersions(t *testing.T) {
	root, sample := requirements(t, "../go.mod"), requirements(t, filepath.Join(cloudFunction, "go.mod"))
	require.Greater(t, len(sample), 5)
	for module, version := range sample {
		if module != "github.com/modelfn/modelfn" {
			require.Equal(t, root[module], version, "%s: run go mod tidy in samples/%s", module, cloudFunction)
		}
	}
}

// requirements returns the versions that a go.mod requires.
func requirements(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	versions := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && strings.HasPrefix(f[1], "v") {
			versions[f[0]] = f[1]
		}
	}
	return versions
}
