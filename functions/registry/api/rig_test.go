package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/telemetry"
	"github.com/modelfn/modelfn/framework/token"
	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/folder"
)

// rig is a registry on a folder, behind a real server.
type rig struct {
	t        testing.TB
	url      string
	folder   string
	registry *Registry
	handler  *Handler
	metrics  *telemetry.Metrics
	log      *bytes.Buffer

	mu      sync.Mutex // guards changes
	changes []events.Change
}

// option changes what a rig is made of.
type option func(*Config, *HandlerConfig)

func newRig(t testing.TB, options ...option) *rig { return openRig(t, t.TempDir(), options...) }

// openRig starts one more registry on a folder.
func openRig(t testing.TB, path string, options ...option) *rig {
	t.Helper()
	objects, err := folder.Open(path)
	require.NoError(t, err)
	r := &rig{t: t, folder: path, metrics: telemetry.NewMetrics("registry"), log: &bytes.Buffer{}}
	log := telemetry.NewLog(r.log, 0)
	cfg := Config{Store: store.New(objects), Log: log.Logger, Metrics: r.metrics, Written: r.written}
	http := HandlerConfig{Log: log, Metrics: r.metrics}
	for _, o := range options {
		o(&cfg, &http)
	}
	r.registry = New(cfg)
	r.handler = NewHandler(r.registry, http)
	server := httptest.NewServer(r.handler)
	r.url = server.URL
	t.Cleanup(func() {
		r.handler.Drain()
		server.Close()
		require.NoError(t, log.Close())
		require.NoError(t, objects.Close())
	})
	return r
}

// over puts the registry's store on other objects.
func over(objects store.Objects) option {
	return func(c *Config, _ *HandlerConfig) { c.Store = store.New(objects) }
}

func tokens(t testing.TB, lines ...string) option {
	path := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	file, err := token.Open(path)
	require.NoError(t, err)
	return func(_ *Config, h *HandlerConfig) { h.Tokens = file }
}

func (r *rig) written(c events.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, c)
}

// heard is an heard, read whole.
type heard struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// calls keeps connections for all clients of a test.
var calls = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// do makes a request; headers are names and values in turn. What is asked and what
// is answered must be as openapi.yaml says.
func (r *rig) do(method, path, body string, headers ...string) heard {
	r.t.Helper()
	a, err := r.try(r.t.Context(), method, path, body, headers...)
	require.NoError(r.t, err)
	return a
}

func (r *rig) try(ctx context.Context, method, path, body string, headers ...string) (heard, error) {
	r.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, content)
	if err != nil {
		return heard{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Del(headers[i])
		if headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := calls.Do(req)
	if err != nil {
		return heard{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return heard{}, err
	}
	requireDescribed(r.t, req, body, resp, text)
	return heard{r.t, resp.StatusCode, resp.Header, string(text)}, nil
}

func (r *rig) get(path string, headers ...string) heard {
	r.t.Helper()
	return r.do(http.MethodGet, path, "", headers...)
}

// is asserts the status, and returns the answer.
func (a heard) is(status int) heard {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.body)
	return a
}

// refused asserts an error of exactly the promised form with a message.
func (a heard) refused(status int, message string) heard {
	a.t.Helper()
	a.is(status)
	require.Equal(a.t, "application/json", a.header.Get("Content-Type"))
	var f struct {
		Error string `json:"error"`
		ID    string `json:"id"`
	}
	require.NoError(a.t, json.Unmarshal([]byte(a.body), &f, json.RejectUnknownMembers(true)), a.body)
	require.Equal(a.t, message, f.Error)
	require.Regexp(a.t, `^[0-9a-f]{16}$`, f.ID)
	return a
}

func (a heard) doc() params.Document {
	a.t.Helper()
	var d params.Document
	require.NoError(a.t, json.Unmarshal([]byte(a.body), &d, json.RejectUnknownMembers(true)), a.body)
	require.NoError(a.t, d.Check())
	return d
}

func (a heard) etag() string { return a.header.Get("Etag") }

// The schemas of the samples.
const (
	schemaA = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",` +
		`"required":["weights","bias"],"additionalProperties":false,"properties":{` +
		`"weights":{"type":"array","minItems":3,"maxItems":3,"items":{"type":"number","minimum":-1000,"maximum":1000},"x-unit":"1/sd"},` +
		`"bias":{"type":"number"}}}`
	schemaD = `{"type":"object","required":["mean","scale"],"additionalProperties":false,"properties":{` +
		`"mean":{"type":"array","items":{"type":"number"}},` +
		`"scale":{"type":"array","items":{"type":"number","exclusiveMinimum":0}}}}`

	paramsA = `{"weights":[1,2,3],"bias":4}`
	paramsD = `{"mean":[5,6,7],"scale":[8,9,10]}`
)

// known makes model-a and component-d known, each with one version.
func (r *rig) known() *rig {
	r.t.Helper()
	r.do("PUT", "/params/component-d", `{"params":`+paramsD+`,"schema":`+schemaD+`}`).is(http.StatusCreated)
	r.do("PUT", "/params/model-a", `{"params":`+paramsA+`,"schema":`+schemaA+`}`).is(http.StatusCreated)
	return r
}

// bias writes params of model-a with another bias.
func bias(v string) string { return `{"params":{"weights":[1,2,3],"bias":` + v + `}}` }

// eventually waits until a condition holds.
func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, time.Minute, time.Millisecond)
}

func (r *rig) watches() float64 {
	return r.metrics.Registry().Gauge("modelfn_registry_watches", "").Value()
}

func (r *rig) writes(outcome string) uint64 {
	return r.metrics.Registry().Counter("modelfn_registry_writes_total", "", "outcome", outcome).Value()
}
