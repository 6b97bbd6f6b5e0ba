package console_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/console"
)

// atRegistry makes a server the registry of a list.
func (l *list) atRegistry(t testing.TB, urls ...string) {
	t.Helper()
	registry := &console.Model{}
	for _, s := range urls {
		u, err := url.Parse(s)
		require.NoError(t, err)
		registry.Instances = append(registry.Instances, u)
	}
	l.registry.Store(registry)
}

func TestParamsRoutes(t *testing.T) {
	t.Parallel()
	server, l := gateway(t, nil, nil)
	l.atRegistry(t, model(t, echo))
	tests := []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/params", 200, "GET /params "},
		{"GET", "/params?flat=1", 200, "GET /params?flat=1 "},
		{"PUT", "/params", 200, "PUT /params {}"},
		{"GET", "/params/model_a", 200, "GET /params/model-a "},
		{"PUT", "/params/model-a?hold=true", 200, "PUT /params/model-a?hold=true {}"},
		{"PATCH", "/params/model-a", 200, "PATCH /params/model-a {}"},
		{"POST", "/params/model_a/promote", 200, "POST /params/model-a/promote {}"},
		{"GET", "/params/model-a/versions/3", 200, "GET /params/model-a/versions/3 "},
		{"GET", "/params/model%2Da/replicas", 200, "GET /params/model-a/replicas "},
		{"GET", "/params/", 404, ""},
		{"GET", "/params//versions", 404, ""},
		{"GET", "/params/../events", 404, ""},
		{"GET", "/params/model-a/..", 404, ""},
		{"GET", "/params/%2e%2e/metrics", 404, ""},
		{"GET", "/paramsx", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			body := "{}"
			if tt.method == "GET" {
				body = ""
			}
			resp, got := do(t, tt.method, server.URL+tt.path, body)
			require.Equal(t, tt.status, resp.StatusCode, got)
			if tt.want != "" {
				require.Equal(t, tt.want, got)
			}
		})
	}
	_, index := do(t, "GET", server.URL+"/", "")
	assert.Contains(t, index, "/params/{model}")
}

// Headers pass both ways. What says where a page comes from is checked where the gateway
// listens, and does not go on; nor does what a replica says of itself, which anybody
// could say.
func TestParamsHeaders(t *testing.T) {
	t.Parallel()
	server, l := gateway(t, nil, nil)
	seen := make(chan http.Header, 1)
	l.atRegistry(t, model(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		w.Header().Set("ETag", `"8-0123456789ab"`)
		w.WriteHeader(http.StatusPreconditionFailed)
	}))
	resp, _ := do(t, "PUT", server.URL+"/params/model-a", "{}", "If-Match", `"7-0123456789ab"`, "Authorization", "Bearer s",
		"Origin", server.URL, "Content-Type", "application/json", "Idempotency-Key", "k",
		"modelfn-replica", "name=forged;state=rejected;error=no")
	assert.Equal(t, http.StatusPreconditionFailed, resp.StatusCode)
	assert.Equal(t, `"8-0123456789ab"`, resp.Header.Get("ETag"))
	got := <-seen
	for name, want := range map[string]string{
		"If-Match": `"7-0123456789ab"`, "Authorization": "Bearer s", "Content-Type": "application/json", "Idempotency-Key": "k", "Origin": "",
		"Modelfn-Replica": "",
	} {
		assert.Equal(t, want, got.Get(name), name)
	}
}

// A wait may take longer than the gateway's timeout, ends with its client, and at
// once when the gateway ends.
func TestParamsWait(t *testing.T) {
	t.Parallel()
	asked, left, release := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	upstream := model(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-release:
			_, _ = io.WriteString(w, "new")
		case <-r.Context().Done():
			left <- struct{}{}
		}
	})
	l := &list{}
	l.set(t, nil)
	l.atRegistry(t, upstream)
	g, err := console.New(console.Config{Discovery: l, Timeout: time.Millisecond})
	require.NoError(t, err)
	server := httptest.NewServer(g)
	defer server.Close()
	wait := func(ctx context.Context) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/params/model-a", nil)
		require.NoError(t, err)
		r.Header.Set("Prefer", "wait=30")
		r.Header.Set("If-None-Match", `"7-0123456789ab"`)
		return http.DefaultClient.Do(r)
	}
	within := func(c chan struct{}, what string) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(time.Minute):
			require.FailNow(t, what)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() { within(asked, "nobody asks"); cancel() }()
	_, err = wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
	within(left, "the registry is held for a client that has gone")

	go func() {
		within(asked, "nobody asks")
		time.AfterFunc(50*time.Millisecond, func() { close(release) }) // longer than the timeout
	}()
	resp, err := wait(t.Context())
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	require.NoError(t, err)
	require.Equal(t, "new", string(body))

	release = make(chan struct{})
	go func() { within(asked, "nobody asks"); g.Drain() }()
	resp, err = wait(t.Context())
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusNotModified, resp.StatusCode)
	require.Equal(t, `"7-0123456789ab"`, resp.Header.Get("ETag"))
	within(left, "the registry is held for a gateway that ends")
}

// What was sent and broken off is sent again only if that is safe.
func TestParamsAreWrittenOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, key string
		sent        int32
		want        string
	}{
		"a read":             {"GET", "", 2, "the registry broke off the request"},
		"a write":            {"PUT", "", 1, "the registry broke off the request: it may have been made"},
		"a promotion":        {"POST", "", 1, "the registry broke off the request: it may have been made"},
		"a write with a key": {"PUT", "k", 2, "the registry broke off the request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int32
			server, l := gateway(t, nil, nil)
			l.atRegistry(t, model(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadAll(r.Body)
				sent.Add(1)
				panic(http.ErrAbortHandler)
			}))
			var headers []string
			if tt.key != "" {
				headers = []string{"Idempotency-Key", tt.key}
			}
			resp, body := do(t, tt.method, server.URL+"/params/model-a", "{}", headers...)
			assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
			assert.Contains(t, body, `"error":"`+tt.want+`"`)
			assert.Equal(t, tt.sent, sent.Load())
		})
	}
}

// A registry that is being started is waited for, and until then the gateway is not
// ready.
func TestRegistryThatStarts(t *testing.T) {
	t.Parallel()
	server, l := gateway(t, map[string][]string{"model-a": {model(t, echo)}}, func(c *console.Config) { c.Patience = time.Minute })
	l.atRegistry(t)
	resp, body := do(t, "GET", server.URL+"/health/ready", "")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.JSONEq(t, `{"status":"not ready","away":["registry"]}`, body)

	asking, answered := make(chan struct{}), make(chan string)
	go func() {
		close(asking)
		resp, err := http.Post(server.URL+"/params/model-a/rollback", "application/json", strings.NewReader("{}"))
		if !assert.NoError(t, err) {
			answered <- ""
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		answered <- string(body)
	}()
	<-asking
	l.atRegistry(t, model(t, echo))
	require.Equal(t, "POST /params/model-a/rollback {}", <-answered)
	resp, _ = do(t, "GET", server.URL+"/health/ready", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
}
