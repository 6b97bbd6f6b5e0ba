//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	documents "github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/knative/registry"
	"github.com/modelfn/modelfn/samples"
)

const (
	root      = "../.."
	namespace = "modelfn"
	token     = "dev-token"

	registryURL = "http://registry." + namespace + ".svc.cluster.local"

	patience = 3 * time.Minute // for the cluster to do something
	patient  = `{"input":[32.1,101,4.8598]}`
)

var (
	models = []string{"model-a", "model-b", "model-c"}
	client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
)

// run runs a program in the root folder and returns what it prints. It may be called
// when the test has ended.
func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "MODELFN_TOKEN="+token)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), stderr.String())
	return string(out)
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return strings.TrimSpace(run(t, "", "kubectl", append([]string{"--namespace", namespace}, args...)...))
}

// field reads a field of an object: "ksvc/model-a", "{.status.…}".
func field(t *testing.T, object, path string) string {
	t.Helper()
	return kubectl(t, "get", object, "--output", "jsonpath="+path)
}

// deploy deploys a function with these lines added to its function.yaml, and gives it
// all traffic. After the test the function is as it was.
func deploy(t *testing.T, function string, lines ...string) (revision string) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(run(t, "", "hack/e2e/state", function))
		}
		deployed(t, "functions/"+function, "--promote")
	})
	return apply(t, function, lines...)
}

func apply(t *testing.T, function string, lines ...string) (revision string) {
	t.Helper()
	return deployed(t, changed(t, function, lines...), "--promote")
}

// canary deploys it for a tenth of the traffic, under the tag "candidate".
func canary(t *testing.T, function string, lines ...string) (revision string) {
	t.Helper()
	revision = deployed(t, changed(t, function, lines...), "--canary", "10")
	eventually(t, "the tag of the candidate", func() bool {
		a, err := predict(t.Context(), host("candidate-"+function), patient)
		return err == nil && a.revision == revision
	})
	return revision
}

// changed returns the file of a function with lines added.
func changed(t *testing.T, function string, lines ...string) (file string) {
	t.Helper()
	spec, err := os.ReadFile(filepath.Join(root, "functions", function, "function.yaml"))
	require.NoError(t, err)
	own := string(spec)
	if strings.Contains(strings.Join(lines, "\n"), "components:") {
		own, _, _ = strings.Cut(own, "components:") // they come last there
	}
	file = filepath.Join(t.TempDir(), "function.yaml")
	require.NoError(t, os.WriteFile(file, []byte(own+strings.Join(lines, "\n")+"\n"), 0o600))
	return file
}

// deployed deploys the function of a file, as people do.
func deployed(t *testing.T, file string, flags ...string) (revision string) {
	t.Helper()
	args := append([]string{"deploy", "--file", file, "--images", "out/cluster/images.json", "--output", "json"}, flags...)
	var results []struct {
		Revision string `json:"revision"`
	}
	require.NoError(t, json.Unmarshal([]byte(run(t, "", "bin/modelfn", args...)), &results))
	require.Len(t, results, 1)
	return results[0].Revision
}

// eventually waits until a condition holds. It says what is not so in the end.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(200 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "%s does not come to hold", what)
	}
}

// pods returns the names of the pods of a revision, or of all of a function, that run
// and are not about to end.
func pods(t *testing.T, label, name string) (names []string) {
	t.Helper()
	list := kubectl(t, "get", "pods", "--selector", "serving.knative.dev/"+label+"="+name,
		"--field-selector", "status.phase=Running",
		"--output", `jsonpath={range .items[*]}{.metadata.name} {.metadata.deletionTimestamp}{"\n"}{end}`)
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) == 1 {
			names = append(names, f[0])
		}
	}
	return names
}

// soon is a function that goes to zero 6 s after it was asked last, not 60.
const soon = "scale: {windowSeconds: 6}"

// atZero waits until no pod of a revision runs, and what is asked of it goes to Knative's
// activator, which wakes it. A pod that ends takes half a minute more, in which it gets no
// request.
func atZero(t *testing.T, revision string) {
	t.Helper()
	eventually(t, revision+" at zero", func() bool {
		return len(pods(t, "revision", revision)) == 0 && field(t, "serverlessservice/"+revision, "{.spec.mode}") == "Proxy"
	})
}

// answer is what a function answers.
type answer struct {
	status                    int
	body                      string
	version, digest, revision string
	retryAfter                string
}

// host is where the ingress takes requests for a function, or for a tag of it.
func host(function string) string { return "http://" + function + "." + namespace + ".example.com" }

// predict asks a function. An answer that does not come in full is an error.
func predict(ctx context.Context, host, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, host+"/predict", strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{
		status: resp.StatusCode, body: string(text),
		version: resp.Header.Get("Modelfn-Params-Version"), digest: resp.Header.Get("Modelfn-Params-Digest"),
		revision: resp.Header.Get("Modelfn-Revision"), retryAfter: resp.Header.Get("Retry-After"),
	}, err
}

// asked is predict for one that has to succeed.
func asked(t *testing.T, host, body string) answer {
	t.Helper()
	a, err := predict(t.Context(), host, body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.status, a.body)
	return a
}

// registryClient is a client of the registry, which the cluster alone reaches.
func registryClient(t *testing.T) *registry.Client {
	t.Helper()
	c, err := registry.New(registryURL, token)
	require.NoError(t, err)
	return c
}

// trained makes the params that were trained current again, where they are not, and
// waits until every function has what is current.
func trained(t *testing.T) {
	t.Helper()
	all := append(models, "component-d")
	for _, model := range all {
		current, err := registryClient(t).Current(t.Context(), model)
		require.NoError(t, err)
		if string(current.Params) != bundled(t, model) {
			run(t, "", "bin/modelfn", "train", "--out", t.TempDir(), "--publish", "--url", registryURL)
			break
		}
	}
	for _, model := range all {
		current, err := registryClient(t).Current(t.Context(), model)
		require.NoError(t, err)
		eventually(t, "what is current, at "+model, func() bool { return asked(t, host(model), patient).digest == current.Digest })
	}
}

// bundled returns a model's params in its bundle, in the form that the registry gives.
func bundled(t *testing.T, model string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "out/images/models", model+".json"))
	require.NoError(t, err)
	b, err := schema.Decode[documents.Bundle](text)
	require.NoError(t, err)
	for _, d := range b.Documents {
		if d.Model == model {
			require.NoError(t, d.Params.Compact())
			return string(d.Params)
		}
	}
	t.Fatalf("the bundle of %s does not have its own document", model)
	return ""
}

// patients returns a request with all rows of the training data.
func patients(t *testing.T) string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(samples.Diabetes)).ReadAll()
	require.NoError(t, err)
	var inputs []string
	for _, row := range rows[1:] {
		inputs = append(inputs, fmt.Sprintf("[%s,%s,%s]", row[2], row[3], row[8])) // bmi, bp, s5
	}
	require.Greater(t, len(inputs), 400)
	return `{"inputs":[` + strings.Join(inputs, ",") + `]}`
}
