package local_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/knative/local"
	"github.com/modelfn/modelfn/knative/registry"
	"github.com/modelfn/modelfn/samples"
)

// built is the folder of the real programs, built once, as they ship: without the
// race detector.
var built = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "modelfn-local")
	if err != nil {
		return "", err
	}
	builtFolder = folder
	args := []string{"build", "-ldflags", "-s -w", "-o", folder + "/"}
	for _, name := range []string{"registry", "component-d", "model-a", "model-b"} {
		args = append(args, "../../functions/"+name)
	}
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return folder, err
})

// builtFolder is that of built, once a test has asked for it; "" before.
var builtFolder string

// realPrograms returns a folder with the real programs.
func realPrograms(t *testing.T) string {
	t.Helper()
	source, err := built()
	require.NoError(t, err)
	folder := t.TempDir()
	files, err := os.ReadDir(source)
	require.NoError(t, err)
	for _, file := range files {
		require.NoError(t, os.Symlink(filepath.Join(source, file.Name()), filepath.Join(folder, file.Name())))
	}
	return folder
}

// wrap has a program started with another environment.
func wrap(t *testing.T, programs, name, env string) {
	t.Helper()
	path := filepath.Join(programs, name)
	program, err := os.Readlink(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	script := "#!/bin/sh\n" + env + " exec " + program + " \"$@\"\n"
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
}

// trained is the training on the sample data.
var trained = sync.OnceValues(func() ([]training.Result, error) {
	data, err := training.ReadCSV(bytes.NewReader(samples.Diabetes))
	if err != nil {
		return nil, err
	}
	return training.Train(context.Background(), data, nil)
})

// realModels returns the configuration of a run of real models, trained.
func realModels(t *testing.T, models ...string) local.Config {
	t.Helper()
	cfg := local.Config{
		Listen: "127.0.0.1:0", Folder: filepath.Join(t.TempDir(), "data"),
		Programs: realPrograms(t), Functions: named(models...), StartTimeout: patience, Grace: patience,
	}
	results, err := trained()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(cfg.Folder, "bundles"), 0o755))
	for _, r := range results {
		text, err := r.Bundle.Encode()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(cfg.Folder, "bundles", r.Name+".json"), text, 0o600))
	}
	return cfg
}

// withRegistry is realModels with several replicas that follow a registry.
func withRegistry(t *testing.T, replicas int, models ...string) local.Config {
	t.Helper()
	cfg := realModels(t, models...)
	cfg.Registry, cfg.Replicas = true, replicas
	cfg.Console.Patience = patience // however slow the machine starts programs
	return cfg
}

// client asks the registry through the gateway.
func (r *running) client(t testing.TB) *registry.Client {
	t.Helper()
	c, err := registry.New(r.URL(), "")
	require.NoError(t, err)
	return c
}

// put writes params of a model, which keep their requirements.
func (r *running) put(t testing.TB, model, content string, o registry.Options) params.Document {
	t.Helper()
	d, err := r.client(t).Put(t.Context(), model, registry.Change{Params: jsontext.Value(content)}, o)
	require.NoError(t, err)
	return d
}

// used is what a replica says of its params.
type used struct {
	Version int64
	State   params.State
	Digest  string
}

// usedBy asks a replica itself; the zero value if it does not answer.
func usedBy(url string) (u used) {
	resp, err := http.Get(url + "/params")
	if err != nil {
		return u
	}
	defer resp.Body.Close()
	_ = json.UnmarshalRead(resp.Body, &u, json.MatchCaseInsensitiveNames(true)) // then it is not what is waited for
	return u
}

// serves waits until every replica of a model serves a version.
func (r *running) serves(t testing.TB, model string, version int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, i := range r.Instances() {
			if i.Model != model {
				continue
			}
			if u := usedBy(i.URL); u.Version != version || u.State != params.Serving {
				return false
			}
		}
		return true
	}, patience, poll, "version %d of %s reaches every replica", version, model)
}

// replica is a model that runs beside the run, on the run's registry.
func replica(t *testing.T, r *running, program string, env ...string) (url string) {
	t.Helper()
	folder, err := built()
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(folder, program))
	cmd.Env = append([]string{"HOST=127.0.0.1", "PORT=0", "ADMIN_PORT=0", "K_REVISION=beside", "PARAMS_URL=" + r.RegistryURL()}, env...)
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, Traffic string }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line, json.MatchCaseInsensitiveNames(true)))
		if line.Msg == "listening" {
			go func() {
				for lines.Scan() { // so that it never waits for a reader
				}
			}()
			return "http://" + line.Traffic
		}
	}
	t.Fatal(program, " does not listen")
	return ""
}
