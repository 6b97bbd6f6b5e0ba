package console_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/token"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/console/live"
)

// managed is a discovery whose models have revisions.
type managed struct {
	list
	split  console.Split
	by     string // who asked last
	failed error
}

func (m *managed) SetTraffic(_ context.Context, _ string, c console.SplitChange) (console.Split, []console.Share, error) {
	if m.failed != nil {
		return console.Split{}, nil, m.failed
	}
	if c.IfMatch != m.split.ETag {
		return m.split, nil, fault.New(fault.Precondition, "the traffic has changed in the meantime")
	}
	former := m.split.Traffic
	m.by = c.By
	m.split = console.Split{Traffic: c.Traffic, ETag: m.split.ETag + "'"}
	return m.split, former, nil
}

func open(c *console.Config) { c.Open = true }

// tokens writes a token file with one token of alice's.
func tokens(t *testing.T) *token.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "alice sha256:%x\n", sha256.Sum256([]byte("secret"))), 0o600))
	f, err := token.Open(path)
	require.NoError(t, err)
	return f
}

func models(t *testing.T, url string) (all console.ModelList) {
	t.Helper()
	resp, body := do(t, "GET", url+"/api/models", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	require.NoError(t, json.Unmarshal([]byte(body), &all, json.RejectUnknownMembers(true)))
	return all
}

func TestModels(t *testing.T) {
	t.Parallel()
	server, l := gateway(t, map[string][]string{"model-b": {}, "model-a": {model(t, echo)}}, open)
	all := models(t, server.URL)
	require.Equal(t, console.ModelList{Registry: console.RegistryNone, Models: []console.ModelInfo{
		{Name: "model-a", Kind: console.KindModel, State: console.StateReady, Revisions: []console.Revision{}},
		{Name: "model-b", Kind: console.KindModel, State: console.StateStarting, Revisions: []console.Revision{}},
	}}, all)

	l.models.Store(&map[string]*console.Model{"model-a": {LeftOut: 3, Revisions: []console.Revision{{Name: "model-a-00001", Tags: []string{}}}}})
	require.Equal(t, 3, models(t, server.URL).Models[0].LeftOut)
	l.set(t, map[string][]string{"model-b": {}, "model-a": {}})

	l.atRegistry(t, model(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	require.Equal(t, console.RegistryAway, models(t, server.URL).Registry, "the models are listed all the same")
	require.Len(t, models(t, server.URL).Models, 2)

	const document = `{"model":"%s","version":7,"digest":"d","requires":%s,"params":[1,2,3],"author":"alice","message":"why"}`
	server, l = gateway(t, map[string][]string{"model-a": {model(t, echo)}}, nil)
	l.atRegistry(t, model(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/params", r.URL.Path)
		fmt.Fprintf(w, `{"model-a":`+document+`,"component-d":`+document+`,"other":`+document+`}`,
			"model-a", `{"component-d":{"version":3,"digest":"e"}}`, "component-d", "{}", "other", "{}")
	}))
	all = models(t, server.URL)
	require.True(t, all.SignIn)
	require.Equal(t, console.RegistryReady, all.Registry)
	var states []string
	for _, m := range all.Models {
		states = append(states, fmt.Sprint(m.Name, " ", m.Kind, " ", m.State))
		require.EqualValues(t, 7, m.Params.Version)
	}
	require.Equal(t, []string{"component-d component inside", "model-a model ready", "other model absent"}, states)
	require.Equal(t, []console.Required{{Name: "component-d", Version: 3, Digest: "e"}}, all.Models[1].Params.Requires)
}

func TestSession(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, nil, func(c *console.Config) { c.Tokens = tokens(t) })
	session := func(url, bearer string) (int, string) {
		resp, body := do(t, "GET", url+"/api/session", "", "Authorization", bearer)
		return resp.StatusCode, body
	}
	status, body := session(server.URL, "Bearer secret")
	require.Equal(t, 200, status)
	require.Equal(t, `{"name":"alice"}`, body)
	resp, body := do(t, "GET", server.URL+"/api/session", "")
	require.Equal(t, 401, resp.StatusCode)
	require.Contains(t, body, "a bearer token is needed")
	for range 20 {
		status, body = session(server.URL, "Bearer wrong")
		require.Equal(t, 401, status)
		require.Contains(t, body, "the bearer token is not known")
	}
	status, body = session(server.URL, "Bearer wrong")
	require.Equal(t, 429, status)
	require.Contains(t, body, "too many wrong tokens")

	server, _ = gateway(t, nil, open)
	status, body = session(server.URL, "Bearer whatever")
	require.Equal(t, 200, status)
	require.Equal(t, `{"name":""}`, body)

	server, _ = gateway(t, nil, nil)
	status, _ = session(server.URL, "Bearer secret")
	require.Equal(t, 403, status, "without tokens nobody writes")
}

func TestTraffic(t *testing.T) {
	t.Parallel()
	m := &managed{split: console.Split{ETag: "v", Traffic: []console.Share{{Revision: "a-1", Percent: 100, Tags: []string{}}}}}
	m.set(t, map[string][]string{"model-a": {}})
	server, _ := gateway(t, nil, func(c *console.Config) { c.Discovery, c.Tokens = m, tokens(t) })
	require.True(t, models(t, server.URL).Managed)
	post := func(path, body string, headers ...string) (int, string) {
		headers = append([]string{"Content-Type", "application/json", "Authorization", "Bearer secret", "If-Match", `"v"`}, headers...)
		resp, answer := do(t, "POST", server.URL+path, body, headers...)
		return resp.StatusCode, answer
	}
	const path = "/api/models/model_a/traffic"
	const change = `{"traffic":[{"revision":"a-1","percent":90,"tags":[]},{"revision":"a-2","percent":10,"tags":["candidate"]}]}`

	refused := []struct {
		path, body string
		headers    []string
		status     int
		want       string
	}{
		{path, change, []string{"Authorization", ""}, 401, "a bearer token is needed"},
		{path, change, []string{"Authorization", "Bearer x"}, 401, "the bearer token is not known"},
		{path, change, []string{"Origin", "http://evil.example"}, 403, "not from another origin"},
		{path, change, []string{"Sec-Fetch-Site", "cross-site"}, 403, "not from another origin"},
		{path, change, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		{path, change, []string{"Content-Encoding", "gzip"}, 415, `the Content-Encoding \"gzip\" is not taken`},
		{"/api/models/model-z/traffic", change, nil, 404, "no such model"},
		{"/api/models/a/b/traffic", change, nil, 404, "no such route"},
		{"/api/models//traffic", change, nil, 404, "no such route"},
		{"/api/models/traffic", change, nil, 404, "no such route"},
		{path, `{}`, nil, 400, "traffic"},
		{path, `{"traffic":[]}`, nil, 400, "traffic: 0 revisions"},
		{path, `{"traffic":[{"revision":"a","percent":99,"tags":[]}]}`, nil, 400, "the percents add up to 99"},
		{path, `{"traffic":[{"revision":"a","percent":101,"tags":[]}]}`, nil, 400, "traffic[0].percent"},
		{path, `{"traffic":[{"revision":"a","percent":50,"tags":[]},{"revision":"a","percent":50,"tags":["x","x"]}]}`, nil, 400, `traffic[1].tags[1]: \"x\" is there twice`},
		{path, `{"traffic":[{"revision":"a","percent":100,"tags":["A b"]}]}`, nil, 400, "traffic[0].tags[0]"},
		{path, `{"traffic":[{"revision":"a","percent":100,"tags":[]}],"ifMatch":"v"}`, nil, 400, "ifMatch"},
		{path, change, []string{"If-Match", ""}, 400, "If-Match: missing"},
		{path, strings.Repeat(" ", 2<<20), nil, 413, "over the limit"},
	}
	for _, tt := range refused {
		status, body := post(tt.path, tt.body, tt.headers...)
		assert.Equal(t, tt.status, status, "%.100s %s", tt.body, body)
		assert.Contains(t, body, tt.want)
	}

	status, body := post(path, change)
	require.Equal(t, 200, status, body)
	require.JSONEq(t, `{"traffic":[{"revision":"a-1","percent":90,"tags":[]},{"revision":"a-2","percent":10,"tags":["candidate"]}],
		"etag":"v'","former":[{"revision":"a-1","percent":100,"tags":[]}]}`, body)
	require.Equal(t, "alice", m.by)
	status, body = post(path, change)
	require.Equal(t, 412, status, "another change came first")
	require.Contains(t, body, `"etag":"v'"`)
	require.Contains(t, body, `"error":"the traffic has changed in the meantime"`)
	m.failed = fault.Field("traffic[1].revision", "there is no revision %q", "a-2")
	status, body = post(path, change)
	require.Equal(t, 400, status)
	require.Contains(t, body, `traffic[1].revision: there is no revision`)

	server, _ = gateway(t, map[string][]string{"model-a": {}}, open)
	status, _ = post(path, change)
	require.Equal(t, 404, status, "there is nothing to split")
}

// A browser gets the page, a program the text; a foreign page gets nothing done.
func TestPage(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, echo)}}, open)
	resp, body := do(t, "GET", server.URL, "", "Accept", "text/html,*/*;q=0.8")
	require.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	require.Contains(t, body, "<title>modelfn</title>")
	require.NotEmpty(t, resp.Header.Get("Content-Security-Policy"))
	require.Contains(t, strings.Join(resp.Header["Vary"], ","), "Accept,")
	resp, body = do(t, "GET", server.URL, "")
	require.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"))
	require.Contains(t, body, "curl ")
	for _, path := range []string{"/index.html", "/assets/", "/assets/..%2findex.html", "/dist/index.html", "/src/main.tsx", "/package.json", "/api", "/api/", "/api/other"} {
		resp, _ = do(t, "GET", server.URL+path, "", "Accept", "text/html")
		require.Equal(t, http.StatusNotFound, resp.StatusCode, path)
	}
	for _, path := range []string{"/model-a/predict", "/model-a/evaluate", "/params/model-a/rollback", "/api/models/model-a/traffic"} {
		resp, _ = do(t, "POST", server.URL+path, "{}", "Origin", "https://evil.example")
		require.Equal(t, http.StatusForbidden, resp.StatusCode, path)
	}
	resp, _ = do(t, "POST", server.URL+"/model-a/predict", "{}", "Origin", server.URL)
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// listen opens the live stream; next returns the next event with a name.
func listen(t *testing.T, url string) (next func(name string) string, ended func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/live", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	events := make(chan live.Event, 1000)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		for e, err := range live.Read(resp.Body) {
			if err != nil {
				return
			}
			events <- e
		}
	}()
	next = func(name string) string {
		t.Helper()
		for e := range events {
			if e.Name == name {
				return string(e.Data)
			}
		}
		require.FailNow(t, "the stream ended before", name)
		return ""
	}
	ended = func() bool {
		for range events {
		}
		return ctx.Err() == nil
	}
	return next, ended
}

// What the page sees of predictions: their number, what failed, and who answered. What
// a client gave up is no error, and no prediction.
func TestLiveStats(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Modelfn-Revision", "model-a-00002")
		switch string(body) {
		case "wait":
			asked <- struct{}{}
			<-r.Context().Done()
		case "fail":
			w.WriteHeader(http.StatusInternalServerError)
		case "wrong":
			w.WriteHeader(http.StatusBadRequest)
		}
	})}}, open)
	next, _ := listen(t, server.URL)
	require.Equal(t, `{"seconds":[]}`, next("history"))
	require.Equal(t, `{"events":[]}`, next("log"))
	require.Contains(t, next("models"), `"name":"model-a"`)
	for _, body := range []string{"fine", "wrong", "fail", "fine"} {
		do(t, "POST", server.URL+"/model-a/predict", body)
	}
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/model-a/predict", strings.NewReader("wait"))
		require.NoError(t, err)
		_, err = http.DefaultClient.Do(r)
		require.ErrorIs(t, err, context.Canceled)
	}
	do(t, "POST", server.URL+"/model-a/evaluate", "fail")
	var requests, failed, second int
	for requests < 4 {
		var s console.Stats
		require.NoError(t, json.Unmarshal([]byte(next("stats")), &s))
		requests += s.Models["model-a"].Requests
		failed += s.Models["model-a"].Errors
		second += s.Models["model-a"].Revisions["model-a-00002"]
	}
	assert.Equal(t, 4, requests)
	assert.Equal(t, 1, failed)
	assert.Equal(t, 4, second)

	again, _ := listen(t, server.URL)
	assert.Contains(t, again("history"), `"errors":1`, "a page that comes later sees what was")
}

// A new model appears by itself, and the stream ends with the gateway.
func TestLiveModels(t *testing.T) {
	t.Parallel()
	l := &list{}
	l.set(t, map[string][]string{"model-a": {}})
	g, err := console.New(console.Config{Discovery: l, Open: true})
	require.NoError(t, err)
	server := httptest.NewServer(g)
	defer server.Close()
	next, ended := listen(t, server.URL)
	require.NotContains(t, next("models"), "model-b")
	l.set(t, map[string][]string{"model-a": {}, "model-b": {}})
	require.Contains(t, next("models"), "model-b")
	g.Drain()
	require.True(t, ended())
	resp, body := do(t, "GET", server.URL+"/api/live", "")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, "5", resp.Header.Get("Retry-After"))
	require.Contains(t, body, "the gateway ends")
}
