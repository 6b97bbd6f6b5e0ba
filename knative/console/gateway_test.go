package console_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/samples"
)

// list is a discovery that a test changes.
type list struct {
	models   atomic.Pointer[map[string]*console.Model]
	registry atomic.Pointer[console.Model]
}

func (l *list) Models() map[string]*console.Model { return *l.models.Load() }

func (l *list) Registry() *console.Model { return l.registry.Load() }

// set replaces the models; each value is the URLs of its instances.
func (l *list) set(t testing.TB, models map[string][]string) {
	t.Helper()
	m := map[string]*console.Model{}
	for name, urls := range models {
		model := &console.Model{}
		for _, s := range urls {
			u, err := url.Parse(s)
			require.NoError(t, err)
			model.Instances = append(model.Instances, u)
		}
		m[name] = model
	}
	l.models.Store(&m)
}

// gateway serves a gateway over the models.
func gateway(t testing.TB, models map[string][]string, change func(*console.Config)) (*httptest.Server, *list) {
	t.Helper()
	l := &list{}
	l.set(t, models)
	cfg := console.Config{Discovery: l, Evaluate: true, Example: "[1,2,3]", Datasets: map[string][]byte{"diabetes": samples.Diabetes}}
	if change != nil {
		change(&cfg)
	}
	g, err := console.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(g)
	t.Cleanup(func() { server.Close(); g.Close() })
	return server, l
}

// model serves a model that tells what it was asked.
func model(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Modelfn-Model", "model-a")
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.RequestURI(), body)
}

func do(t testing.TB, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(got)
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, echo)}, "model-b": {model(t, echo)}}, nil)
	const invalid = `{"message":"Invalid model!"}`
	tests := []struct {
		method, path string
		status       int
		body         string // exact, or a part when it starts with …
	}{
		{"POST", "/model-a/predict", 200, "POST /predict x"},
		{"POST", "/model_a/predict", 200, "POST /predict x"},
		{"POST", "/model-a/predict?verbose=1", 200, "POST /predict?verbose=1 x"},
		{"POST", "/model%2Da/predict", 200, "POST /predict x"},
		{"POST", "/model-a/evaluate", 200, "POST /evaluate x"},
		{"POST", "/v1/models/model_a:predict", 200, "POST /v1/models/model-a:predict x"},
		{"GET", "/v1/models/model-a", 200, "GET /v1/models/model-a "},
		{"GET", "/v1/models", 200, `{"models":["model-a","model-b"]}`},
		{"GET", "/health/live", 200, `{"status":"live"}`},
		{"GET", "/health/ready", 200, `{"status":"ready"}`},
		{"GET", "/", 200, `…/model-a/predict -H 'Content-Type: application/json' -d '{"input":[1,2,3]}'`},
		{"GET", "/data/diabetes", 200, `…"rows":[[59,2,32.1,101,157,93.2,38,4,4.8598,87,151],`},
		{"POST", "/model-z/predict", 400, invalid},
		{"POST", "/model-z/evaluate", 400, invalid},
		{"POST", "/v1/models/model-z:predict", 404, "…no such model"},
		{"GET", "/v1/models/model-z", 404, "…no such model"},
		{"GET", "/data/other", 404, "…no such dataset"},
		{"GET", "/model-a/predict", 405, "…POST"},
		{"POST", "/v1/models", 405, "…GET"},
		{"POST", "/events", 404, "…no such route"},
		{"POST", "/model-a/events", 404, "…no such route"},
		{"GET", "/model-a/params", 404, "…no such route"},
		{"GET", "/params", 404, "…there is no registry here"},
		{"POST", "//predict", 404, "…no such route"},
		{"POST", "/a/b/predict", 404, "…no such route"},
		{"POST", "/model-a/../model-b/predict", 404, "…no such route"},
		{"POST", "/v1/models/model-a:explain", 404, "…no such route"},
		{"POST", "/v1/models/a/b:predict", 404, "…no such route"},
		{"POST", "/v2/models/model-a/infer", 404, "…Open Inference Protocol"},
		{"GET", "/v2", 404, "…Open Inference Protocol"},
		{"GET", "/v2/", 404, "…Open Inference Protocol"},
		{"POST", "/v2/predict", 404, "…Open Inference Protocol"}, // whatever models are called
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			body := ""
			if tt.method == "POST" {
				body = "x"
			}
			resp, got := do(t, tt.method, server.URL+tt.path, body)
			assert.Equal(t, tt.status, resp.StatusCode, got)
			if part, ok := strings.CutPrefix(tt.body, "…"); ok {
				assert.Contains(t, got, part)
			} else {
				assert.Equal(t, tt.body, got)
			}
			if tt.status >= 404 {
				assert.Regexp(t, `^\{"error":".+","id":"[0-9a-f]{16}"\}$`, got)
			}
			if tt.status == 405 {
				assert.NotEmpty(t, resp.Header.Get("Allow"))
			}
		})
	}
}

// What the client is told of a failure leads to its line in the log, whoever is to
// blame.
func TestFailuresAreLogged(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, path, level string
		status              int
	}{
		{"GET", "/nowhere", "INFO", 404},
		{"GET", "/model-a/predict", "INFO", 405},
		{"POST", "/model-a/predict", "ERROR", 503},
		{"GET", "/" + strings.Repeat("x", 1000), "INFO", 404},
	}
	for _, tt := range tests {
		var log strings.Builder
		server, _ := gateway(t, map[string][]string{"model-a": nil}, func(cfg *console.Config) {
			cfg.Patience = time.Millisecond
			cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
		})
		_, body := do(t, tt.method, server.URL+tt.path, "")
		server.Close() // what it logged is there
		var told struct{ Error, ID string }
		require.NoError(t, json.Unmarshal([]byte(body), &told, json.MatchCaseInsensitiveNames(true)))
		require.Len(t, told.ID, 16)
		var line struct {
			Level, Method, Path, ID, Error string
			Status                         int
		}
		require.NoError(t, json.Unmarshal([]byte(log.String()), &line, json.MatchCaseInsensitiveNames(true)), "one line: %s", log.String())
		assert.Equal(t, told.ID, line.ID)
		assert.Equal(t, tt.level, line.Level)
		assert.Equal(t, tt.method, line.Method)
		assert.Equal(t, tt.status, line.Status)
		assert.True(t, strings.HasPrefix(tt.path, line.Path) && len(line.Path) <= 200, line.Path)
		assert.Contains(t, line.Error, told.Error)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		h := w.Header()
		h.Set("Modelfn-Params-Version", "7")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "for one hop only")
		h.Set("Keep-Alive", "timeout=5")
		w.WriteHeader(http.StatusTeapot)
	})}}, nil)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

	resp, _ := do(t, "POST", server.URL+"/model-a/predict", "{}",
		"Connection", "close, X-Mine", "X-Mine", "hop", "Te", "gzip", "Upgrade", "websocket", "Expect", "",
		"Traceparent", trace, "Tracestate", "a=b",
		"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Proto", "https", "Forwarded", "for=6.6.6.6")
	assert.Equal(t, http.StatusTeapot, resp.StatusCode, "the model's status is passed back")
	assert.Equal(t, "7", resp.Header.Get("Modelfn-Params-Version"))
	assert.Empty(t, resp.Header.Get("X-Hop"))
	assert.Empty(t, resp.Header.Get("Keep-Alive"))

	got := <-seen
	for _, name := range []string{"Connection", "X-Mine", "Te", "Upgrade", "Forwarded", "X-Idempotency-Key"} {
		assert.NotContains(t, got, name)
	}
	assert.Equal(t, "127.0.0.1", got.Get("X-Forwarded-For"), "what the client claims is not passed on")
	assert.Equal(t, "http", got.Get("X-Forwarded-Proto"))
	assert.Equal(t, strings.TrimPrefix(server.URL, "http://"), got.Get("X-Forwarded-Host"))
	assert.Equal(t, trace, got.Get("Traceparent"))
	assert.Equal(t, "a=b", got.Get("Tracestate"))

	do(t, "POST", server.URL+"/model-a/predict", "{}", "Tracestate", "a=b")
	got = <-seen
	assert.Regexp(t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$", got.Get("Traceparent"), "a trace is started")
	assert.NotContains(t, got, "Tracestate", "it belongs to a trace that was not named")
}

func TestDrain(t *testing.T) {
	t.Parallel()
	l := &list{}
	l.set(t, map[string][]string{"model-a": {model(t, echo)}})
	g, err := console.New(console.Config{Discovery: l})
	require.NoError(t, err)
	server := httptest.NewServer(g)
	defer server.Close()
	for _, draining := range []bool{false, true} {
		if draining {
			g.Drain()
		}
		for _, path := range []string{"/model-a/predict", "/model-z/predict"} {
			resp, _ := do(t, "POST", server.URL+path, "{}")
			assert.Equal(t, draining, resp.Close, path)
		}
	}
}

func TestEvaluateCanBeClosed(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, echo)}}, func(c *console.Config) { c.Evaluate = false })
	resp, _ := do(t, "POST", server.URL+"/model-a/evaluate", "{}", "Authorization", "Bearer s")
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	resp, _ = do(t, "POST", server.URL+"/model-a/predict", "{}")
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, echo)}}, func(c *console.Config) { c.MaxBody = 10 })
	for _, chunked := range []bool{false, true} {
		for size, status := range map[int]int{0: 200, 10: 200, 11: 413, 1 << 20: 413} {
			body := io.Reader(strings.NewReader(strings.Repeat("x", size)))
			if chunked {
				body = struct{ io.Reader }{body}
			}
			resp, err := http.Post(server.URL+"/model-a/predict", "application/json", body)
			require.NoError(t, err)
			got, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			assert.Equal(t, status, resp.StatusCode, "%d bytes, chunked %v: %s", size, chunked, got)
		}
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	stuck := model(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		<-r.Context().Done()
	})
	server, _ := gateway(t, map[string][]string{"model-a": {stuck}}, func(c *console.Config) { c.Timeout = 50 * time.Millisecond })

	resp, body := do(t, "POST", server.URL+"/model-a/predict", "{}")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.Equal(t, "1", resp.Header.Get("Retry-After"))
	assert.Contains(t, body, "model-a did not answer within 50ms")

	for path, status := range map[string]int{"/model-a/predict": 400, "/model-z/predict": 400, "/nowhere": 404} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", path)
		late, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, "a body that never comes is given up")
		late.Body.Close()
		assert.Equal(t, status, late.StatusCode, path)
	}
}

func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	asked, left := make(chan struct{}), make(chan struct{})
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		close(asked)
		<-r.Context().Done()
		close(left)
	})}}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/model-a/predict", strings.NewReader("{}"))
	require.NoError(t, err)
	go func() { <-asked; cancel() }()
	_, err = http.DefaultClient.Do(r)
	require.ErrorIs(t, err, context.Canceled)
	select {
	case <-left:
	case <-time.After(time.Minute):
		t.Fatal("the model goes on for a client that has gone")
	}
}

func TestStreamIsFlushed(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-read
		fmt.Fprintln(w, "second")
	})}}, nil)
	resp, err := http.Post(server.URL+"/model-a/predict", "application/json", nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())
	require.Equal(t, "first", lines.Text())
	close(read)
	require.True(t, lines.Scan())
	require.Equal(t, "second", lines.Text())
}

// Servers that close their connections at any time lose no request.
func TestConnectionsThatClose(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if n.Add(1)%3 == 0 {
			w.Header().Set("Connection", "close")
		}
		_, _ = w.Write(body)
	})}}, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				want := fmt.Sprintf("%d/%d", i, j)
				resp, err := http.Post(server.URL+"/model-a/predict", "application/json", strings.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				assert.Equal(t, want, string(got))
			}
		})
	}
	wg.Wait()
}

func TestDatasetIsKeptByClients(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, nil, func(c *console.Config) {
		c.Datasets = map[string][]byte{"d": []byte("n,s\n" + strings.Repeat("1.50,NaN\n", 600))}
	})
	resp, body := do(t, "GET", server.URL+"/data/d", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.True(t, strings.HasPrefix(body, `{"name":"d","columns":["n","s"],"total":600,"rows":[[1.50,"NaN"],`), body[:80])
	require.Equal(t, 500, strings.Count(body, "NaN"))

	resp, body = do(t, "GET", server.URL+"/data/d", "", "If-None-Match", resp.Header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, resp.StatusCode)
	require.Empty(t, body)
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	_, err := console.New(console.Config{})
	require.ErrorContains(t, err, "discovery")
	for _, file := range []string{"", "a,b\n1\n"} {
		_, err = console.New(console.Config{Discovery: &list{}, Datasets: map[string][]byte{"d": []byte(file)}})
		require.ErrorContains(t, err, "dataset d")
	}
}

func BenchmarkPredict(b *testing.B) {
	upstream := model(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"output":152.1}`)
	})
	server, _ := gateway(b, map[string][]string{"model-a": {upstream}}, nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for name, url := range map[string]string{"direct": upstream + "/predict", "gateway": server.URL + "/model-a/predict"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					resp, err := client.Post(url, "application/json", strings.NewReader(`{"input":[32.1,101,4.8598]}`))
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		})
	}
}
