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

// run runs a program and returns what it prints.
func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
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

// deploy deploys a function with these lines added to its function.yaml, gives it all
// traffic, and waits until that is so. After the test the function is as it was.
func deploy(t *testing.T, function string, lines ...string) (revision string) {
	t.Helper()
	t.Cleanup(func() { reset(t, function) })
	return apply(t, function, lines...)
}

// reset deploys a function as its function.yaml has it.
func reset(t *testing.T, function string) {
	t.Helper()
	cleanup(t, applying, "functions/"+function, function)
}

// cleanup runs a shell's command when the test's context has ended.
func cleanup(t *testing.T, script string, args ...string) {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func apply(t *testing.T, function string, lines ...string) (revision string) {
	t.Helper()
	spec, err := os.ReadFile(filepath.Join(root, "functions", function, "function.yaml"))
	require.NoError(t, err)
	folder := t.TempDir()
	own := string(spec)
	if strings.Contains(strings.Join(lines, "\n"), "components:") {
		own, _, _ = strings.Cut(own, "components:") // they come last there
	}
	text := own + strings.Join(lines, "\n") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "function.yaml"), []byte(text), 0o600))
	run(t, "", "sh", "-c", applying, "sh", folder, function)
	return field(t, "ksvc/"+function, "{.status.latestReadyRevisionName}")
}

// manifests applies those of a folder's functions.
const manifests = `set -e
bin/modelfn manifest --file "$1" --images out/images/images.json |
  kubectl apply --server-side --force-conflicts --field-manager modelfn --filename -
`

// applying does that, and waits until the newest revision has all traffic.
const applying = manifests + `
kubectl patch --namespace modelfn "ksvc/$2" --type merge --patch '{"spec":{"traffic":[{"latestRevision":true,"percent":100}]}}'
generation=$(kubectl get --namespace modelfn "ksvc/$2" --output 'jsonpath={.metadata.generation}')
kubectl wait --namespace modelfn "ksvc/$2" --for "jsonpath={.status.observedGeneration}=$generation" --timeout 120s
kubectl wait --namespace modelfn "ksvc/$2" --for condition=Ready --timeout 120s
`

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

// atZero waits until a function has no pod.
func atZero(t *testing.T, function string) {
	t.Helper()
	eventually(t, function+" at zero", func() bool {
		return kubectl(t, "get", "pods", "--selector", "serving.knative.dev/service="+function, "--output", "name") == ""
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
// waits until every model has what is current.
func trained(t *testing.T) {
	t.Helper()
	for _, model := range append(models, "component-d") {
		current, err := registryClient(t).Current(t.Context(), model)
		require.NoError(t, err)
		if string(current.Params) != bundled(t, model) {
			run(t, "", "bin/modelfn", "train", "--out", t.TempDir(), "--publish", "--url", registryURL)
			break
		}
	}
	for _, model := range models {
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
