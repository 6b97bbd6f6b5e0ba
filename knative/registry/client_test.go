package registry_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// start starts the real registry on an empty folder and returns a client of it.
func start(t *testing.T) *registry.Client {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "registry")
	out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "../../functions/registry").CombinedOutput()
	require.NoError(t, err, string(out))
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "HOST=127.0.0.1", "PORT=0", "ADMIN_PORT=0", "STORE_URL=file://"+folder+"/store", "K_SINK=", "TOKENS_PATH=")
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(log)
	require.True(t, lines.Scan())
	var line struct {
		Traffic string `json:"traffic"`
	}
	require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
	go func() {
		for lines.Scan() { // so that it never waits for a reader
		}
	}()
	c, err := registry.New("http://"+line.Traffic, "")
	require.NoError(t, err)
	return c
}

const schema = `{"type":"object","properties":{"bias":{"type":"number"}},"required":["bias"]}`

func change(params string) registry.Change { return registry.Change{Params: jsontext.Value(params)} }

// made returns a document that never was in a registry.
func made(t *testing.T, model, content string, requires ...params.Document) params.Document {
	t.Helper()
	pins := map[string]params.Pin{}
	for _, r := range requires {
		pins[r.Model] = r.Pin()
	}
	d, err := params.New(model, pins, jsontext.Value(content))
	require.NoError(t, err)
	return d
}

// The whole life of a model's params, against the real registry.
func TestClient(t *testing.T) {
	t.Parallel()
	c, ctx := start(t), t.Context()
	all, err := c.List(ctx)
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = c.Current(ctx, "model-a")
	require.True(t, registry.IsNotFound(err), "%v", err)

	d := made(t, "component-d", `{"bias":1}`)
	a := made(t, "model-a", `{"bias":2}`, d)
	schemas := map[string]jsontext.Value{"model-a": jsontext.Value(schema), "component-d": jsontext.Value(schema)}
	parts, err := registry.Step([]params.Document{d, a}, nil, schemas, "first")
	require.NoError(t, err)
	for range 2 { // with a key it is one step, however often it is sent
		outcomes, err := c.PutMany(ctx, parts, "key")
		require.NoError(t, err)
		require.EqualValues(t, 1, outcomes["model-a"].Version)
	}
	first, err := c.Current(ctx, "model-a")
	require.NoError(t, err)
	require.Equal(t, params.Pin{Version: 1, Digest: d.Digest}, first.Requires["component-d"])
	bundle, err := c.Set(ctx, first)
	require.NoError(t, err)
	require.Len(t, bundle.Documents, 2)

	second, err := c.Put(ctx, "model-a", registry.Change{Params: jsontext.Value(`{"bias":3}`), Message: "why"},
		registry.Options{IfMatch: params.ETag(1, first.Digest)})
	require.NoError(t, err)
	assert.EqualValues(t, 2, second.Version)
	assert.Equal(t, "why", second.Message)
	_, err = c.Put(ctx, "model-a", change(`{"bias":4}`), registry.Options{IfMatch: params.ETag(1, first.Digest)})
	var conflict *registry.ConflictError
	require.ErrorAs(t, err, &conflict)
	assert.Equal(t, second, conflict.Current)

	held, err := c.Patch(ctx, "model-a", change(`{"bias":5}`), registry.Options{Hold: true})
	require.NoError(t, err)
	assert.True(t, held.Held)
	waiting := make(chan params.Document, 1)
	go func() {
		next, changed, err := c.Wait(ctx, second)
		assert.NoError(t, err)
		assert.True(t, changed)
		waiting <- next
	}()
	promoted, err := c.Promote(ctx, "model-a", held.Version, "good", registry.Options{})
	require.NoError(t, err)
	assert.Equal(t, promoted, <-waiting)
	back, err := c.Rollback(ctx, "model-a", 1, "bad", registry.Options{})
	require.NoError(t, err)
	assert.Equal(t, first.Digest, back.Digest)

	var versions []int64
	for before := int64(0); ; {
		page, next, err := c.Versions(ctx, "model-a", before, 2)
		require.NoError(t, err)
		for _, d := range page {
			versions = append(versions, d.Version)
		}
		if before = next; next == 0 {
			break
		}
	}
	assert.Equal(t, []int64{5, 4, 3, 2, 1}, versions)
	replicas, err := c.Replicas(ctx, "model-a")
	require.NoError(t, err)
	assert.Empty(t, replicas)

	_, err = c.Put(ctx, "model-a", change(`{"bias":"x"}`), registry.Options{})
	var refused *registry.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, 400, refused.Status)
	assert.Regexp(t, `^the registry answers 400: params\.bias: .* \(id [0-9a-f]+\)$`, err.Error())
	assert.False(t, registry.IsNotFound(err))
}

// A step pins what it writes as new, and what the registry has by its version.
func TestStep(t *testing.T) {
	t.Parallel()
	d := made(t, "component-d", `{"bias":1}`)
	a := made(t, "model-a", `{"bias":2}`, d)
	known := d
	known.Version = 7

	parts, err := registry.Step([]params.Document{a, d}, nil, nil, "")
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"component-d": "new"}, parts["model-a"].Requires)
	parts, err = registry.Step([]params.Document{a}, map[string]params.Document{"component-d": known}, nil, "")
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"component-d": known.Pin()}, parts["model-a"].Requires)
	_, err = registry.Step([]params.Document{a}, nil, nil, "")
	require.ErrorContains(t, err, "model-a requires a document of component-d that is not there: sha256:")
	_, err = registry.Step([]params.Document{d, made(t, "component-d", `{"bias":2}`)}, nil, nil, "")
	require.ErrorContains(t, err, "two documents of component-d")
}

// Not everything that answers is a registry.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		want   string
	}{
		"a proxy":        {502, "<html>", "the registry answers 502: 502 Bad Gateway"},
		"no JSON":        {200, "<html>", "reading the registry's answer: "},
		"a bare 412":     {412, `{"error":"there is no current document","id":"1"}`, "the registry answers 412: there is no current document (id 1)"},
		"a damaged 412":  {412, `{"model":"model-a","version":1}`, "the registry answers 412: 412 Precondition Failed"},
		"not all of it":  {409, `{"model-a":{"status":200},"model-b":{"status":503,"error":"away"}}`, "not all was written: model-b: away"},
		"a plain no":     {403, `{"error":"not from another origin","id":"2"}`, "the registry answers 403: not from another origin (id 2)"},
		"a wrong answer": {200, `[]`, "reading the registry's answer: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer server.Close()
			c, err := registry.New(server.URL, "")
			require.NoError(t, err)
			_, err = c.PutMany(context.Background(), map[string]registry.Part{"model-a": {Params: jsontext.Value("1")}}, "")
			require.ErrorContains(t, err, tt.want)
		})
	}
	for _, bad := range []string{"", "here", "ftp://x", "http://"} {
		_, err := registry.New(bad, "")
		require.ErrorContains(t, err, "is not an http or https URL", bad)
	}
}
