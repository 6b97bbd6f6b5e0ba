package frameworktest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
)

// Handler tests the HTTP contract of a function.
func Handler(t *testing.T, c Case) {
	s := newSubject(t, c)
	for _, part := range []struct {
		name string
		test func(*testing.T, *subject)
	}{
		{"predict", testPredict},
		{"v1", testV1},
		{"routes", testRoutes},
		{"headers", testHeaders},
		{"bodies", testBodies},
		{"params", testParams},
		{"named params", testNamedParams},
		{"evaluate", testEvaluate},
		{"evaluate needs a token", testTokens},
		{"evaluate for a foreign page", testForeignPage},
		{"health", testHealth},
		{"bad params", testBadParams},
		{"many clients", testManyClients},
		{"swap under load", testSwap},
		{"remote components", testRemoteComponents},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, s) })
	}
}

func testPredict(t *testing.T, s *subject) {
	c := s.start(t, nil).client(t)
	t.Run("one input gives one output", func(t *testing.T) {
		for _, e := range s.Examples {
			a := c.post("/predict", `{"input":`+e.Input+`}`)
			require.Equal(t, http.StatusOK, a.status, a.body)
			require.Equal(t, `{"output":`+e.Output+`}`, a.body)
			require.Equal(t, "application/json", a.header.Get("Content-Type"))
		}
	})
	t.Run("many inputs give as many outputs, in order", func(t *testing.T) {
		a := c.post("/predict", `{"inputs":`+s.inputs(len(s.Examples))+`}`)
		require.Equal(t, `{"outputs":[`+strings.Join(s.wanted(), ",")+`]}`, a.body)
	})
	t.Run("no inputs give no outputs", func(t *testing.T) {
		c.post("/predict", `{"inputs":[]}`).is(t, `{"outputs":[]}`)
	})
	for _, r := range s.Refusals {
		t.Run("refuses "+r.Input, func(t *testing.T) {
			f := c.post("/predict", `{"input":`+r.Input+`}`).refused(t, http.StatusBadRequest)
			require.Equal(t, r.Error, f.Error)
			f = c.post("/predict", `{"inputs":[`+s.Examples[0].Input+`,`+r.Input+`]}`).refused(t, http.StatusBadRequest)
			require.Equal(t, strings.Replace(r.Error, "input", "inputs[1]", 1), f.Error)
		})
	}
}

func testV1(t *testing.T, s *subject) {
	c := s.start(t, nil).client(t)
	model := "/v1/models/" + s.name
	predictions := `{"predictions":[` + strings.Join(s.wanted(), ",") + `]}`
	all := s.inputs(len(s.Examples))
	require.Equal(t, predictions, c.post(model+":predict", `{"instances":`+all+`}`).body)
	require.Equal(t, predictions, c.post(model+":predict", `{"inputs":`+all+`}`).body)
	require.Equal(t, `{"models":["`+s.name+`"]}`, c.get("/v1/models").body)
	require.JSONEq(t, `{"name":"`+s.name+`","ready":true}`, c.get(model).body)
	c.post("/v1/models/another:predict", `{"instances":[]}`).refused(t, http.StatusNotFound)
	c.get("/v1/models/another").refused(t, http.StatusNotFound)
	f := c.post(model+":predict", `{"instances":[{"no":"input"}]}`).refused(t, http.StatusBadRequest)
	require.Contains(t, f.Error, "instances[0]")
}

func testRoutes(t *testing.T, s *subject) {
	c := s.start(t, nil).client(t)
	model := "/v1/models/" + s.name
	for _, path := range []string{"/predict", "/evaluate", model + ":predict"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
			a := c.do(method, path, nil)
			require.Equal(t, http.StatusMethodNotAllowed, a.status, "%s %s", method, path)
			require.Equal(t, "POST", a.header.Get("Allow"))
		}
	}
	for _, path := range []string{"/params", "/v1/models", model, "/health/ready", "/health/live"} {
		a := c.post(path, `{}`)
		a.refused(t, http.StatusMethodNotAllowed)
		require.Equal(t, "GET, HEAD", a.header.Get("Allow"))
		head, get := c.do(http.MethodHead, path, nil), c.get(path)
		require.Equal(t, get.status, head.status, "HEAD %s", path)
		require.Empty(t, head.body)
		require.Equal(t, get.header.Get("Content-Length"), head.header.Get("Content-Length"))
	}
	for _, path := range []string{"/", "/predict/", "/predictions", "/Predict", "/metrics", "/debug/pprof/", "/v1"} {
		c.get(path).refused(t, http.StatusNotFound)
	}
}

// testHeaders: whatever the answer is, it says who gave it.
func testHeaders(t *testing.T, s *subject) {
	c := s.start(t, nil).client(t)
	for what, a := range map[string]answer{
		"prediction":   c.post("/predict", `{"input":`+s.Examples[0].Input+`}`),
		"V1":           c.post("/v1/models/"+s.name+":predict", `{"instances":[]}`),
		"bad request":  c.post("/predict", `{}`),
		"no version":   c.post("/predict", `{}`, serve.VersionHeader, "999"),
		"not found":    c.get("/nowhere"),
		"method":       c.get("/predict"),
		"content type": c.post("/predict", `{}`, "Content-Type", "text/plain"),
		"params":       c.get("/params"),
		"ready":        c.get("/health/ready"),
		"live":         c.get("/health/live"),
	} {
		require.Equal(t, s.name, a.header.Get(serve.ModelHeader), what)
		require.Equal(t, revision, a.header.Get(serve.RevisionHeader), what)
		require.Equal(t, decimal(s.doc.Version), a.header.Get(serve.VersionHeader), what)
		require.Equal(t, s.doc.Digest, a.digest(), what)
		require.Equal(t, components(&s.doc), a.header.Get(serve.ComponentsHeader), what)
	}
}

// components is how a set's components stand in the header.
func components(set *params.Set) string {
	var list []string
	for _, name := range set.RequiredNames() {
		list = append(list, name+"="+decimal(set.Requires[name].Version))
	}
	return strings.Join(list, ", ")
}

// used is the answer of GET /params.
type used struct {
	Model    string                `json:"model"`
	Version  int64                 `json:"version"`
	Digest   string                `json:"digest"`
	Requires map[string]params.Pin `json:"requires"`
	State    params.State          `json:"state"`
	Since    string                `json:"since"`
	Rejected *params.Rejection     `json:"rejected"`
}

func (c *client) used() (u used) {
	c.t.Helper()
	a := c.get("/params")
	require.Equal(c.t, http.StatusOK, a.status, a.body)
	require.NoError(c.t, json.Unmarshal([]byte(a.body), &u, json.RejectUnknownMembers(true)), a.body)
	return u
}

func testParams(t *testing.T, s *subject) {
	server := s.start(t, nil)
	c := server.client(t)
	u := c.used()
	require.NotEmpty(t, u.Since)
	require.Equal(t, used{
		Model: s.name, Version: s.doc.Version, Digest: s.doc.Digest, Requires: s.doc.Requires,
		State: params.Serving, Since: u.Since,
	}, u)
	server.Put(t, s.Other)
	require.Equal(t, s.other.Version, c.used().Version)
	require.Equal(t, s.outputs[s.other.Digest][0], c.predict(s.Examples[0].Input))
}

// testNamedParams: a request may name the params that it wants, and never gets
// an answer of others.
func testNamedParams(t *testing.T, s *subject) {
	c := s.start(t, nil).client(t)
	version, digest := decimal(s.doc.Version), s.doc.Digest
	for _, test := range []struct {
		name    string
		status  int
		headers []string
	}{
		{"the version that serves", 200, []string{serve.VersionHeader, version}},
		{"the digest that serves", 200, []string{serve.DigestHeader, digest}},
		{"both", 200, []string{serve.VersionHeader, version, serve.DigestHeader, digest}},
		{"another version", 404, []string{serve.VersionHeader, decimal(s.doc.Version + 1)}},
		{"another digest", 404, []string{serve.DigestHeader, s.other.Digest}},
		{"the version with another digest", 404, []string{serve.VersionHeader, version, serve.DigestHeader, s.other.Digest}},
		{"no number", 400, []string{serve.VersionHeader, "latest"}},
		{"a negative version", 400, []string{serve.VersionHeader, "-1"}},
		{"two versions", 400, []string{serve.VersionHeader, version, serve.VersionHeader, version}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := c.post("/predict", `{"input":`+s.Examples[0].Input+`}`, test.headers...)
			if test.status != http.StatusOK {
				a.refused(t, test.status)
				return
			}
			require.Equal(t, `{"output":`+s.Examples[0].Output+`}`, a.body)
		})
	}
}

func testHealth(t *testing.T, s *subject) {
	server := s.start(t, func(cfg *Config) { cfg.Bundle = nil })
	c := server.client(t)
	live := []string{"/health/live", "/health/liveness", "/livez", "/healthz"}
	ready := []string{"/health/ready", "/health/readiness", "/readyz"}
	for _, path := range live {
		require.Equal(t, http.StatusOK, c.get(path).status, path)
	}
	for _, path := range ready {
		a := c.get(path)
		require.Equal(t, http.StatusServiceUnavailable, a.status, path)
		require.JSONEq(t, `{"ready":false,"reason":"no params are loaded yet"}`, a.body)
	}
	a := c.post("/predict", `{"input":`+s.Examples[0].Input+`}`)
	a.refused(t, http.StatusServiceUnavailable)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Equal(t, "none", a.header.Get("Modelfn-Params"))
	require.Equal(t, params.Loading, c.used().State)
	server.Put(t, s.Bundle)
	for _, path := range append(live, ready...) {
		require.Equal(t, http.StatusOK, c.get(path).status, path)
	}
}

// testBadParams: params that do not fit change nothing, and are reported.
func testBadParams(t *testing.T, s *subject) {
	server := s.start(t, nil)
	c := server.client(t)
	wrong := Document(t, s.name, s.doc.Version+2, `{"no":"such field"}`)
	WriteBundle(t, server.path, Bundle(wrong))
	waitFor(t, "the params are rejected", func() bool { return c.used().State == params.Rejected })
	u := c.used()
	require.Equal(t, s.doc.Version, u.Version, "what served before serves on")
	require.Equal(t, wrong.Version, u.Rejected.Version)
	require.Equal(t, wrong.Digest, u.Rejected.Digest)
	require.Contains(t, u.Rejected.Error, "params.no: unknown field")
	require.Equal(t, http.StatusOK, c.get("/health/ready").status)
	require.Equal(t, s.Examples[0].Output, c.predict(s.Examples[0].Input))
	writeFile(t, server.path, []byte(`{"documents":`))
	waitFor(t, "the broken file is reported", func() bool {
		u := c.used()
		return u.Rejected != nil && strings.Contains(u.Rejected.Error, "not valid JSON")
	})
	require.Equal(t, s.Examples[0].Output, c.predict(s.Examples[0].Input))
	server.Put(t, s.Other)
	require.Equal(t, params.Serving, c.used().State)
	require.Nil(t, c.used().Rejected)
}
