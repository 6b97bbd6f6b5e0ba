package frameworktest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// testRemoteComponents: a component that runs as a function of its own changes
// not one bit of an output.
func testRemoteComponents(t *testing.T, s *subject) {
	if len(s.doc.Requires) == 0 {
		t.Skip("the function has no components")
	}
	urls, gates := s.startComponents(t)
	local := s.start(t, nil).client(t)
	remote := s.start(t, func(cfg *Config) { cfg.Settings.Components = urls }).client(t)
	t.Run("the same outputs", func(t *testing.T) {
		body := `{"inputs":` + s.inputs(100) + `}`
		require.Equal(t, local.post("/predict", body).body, remote.post("/predict", body).body)
		for _, e := range s.Examples {
			require.Equal(t, e.Output, remote.predict(e.Input))
		}
	})
	t.Run("a component that is away", func(t *testing.T) {
		for _, g := range gates {
			g.away.Store(true)
		}
		a := remote.post("/predict", `{"input":`+s.Examples[0].Input+`}`)
		f := a.refused(t, http.StatusServiceUnavailable)
		require.Regexp(t, `^component [-a-z0-9]+ is not available$`, f.Error)
		require.NotEmpty(t, a.header.Get("Retry-After"))
		require.Equal(t, http.StatusOK, remote.get("/health/ready").status, "the function itself is ready")
		for _, g := range gates {
			g.away.Store(false)
		}
		waitFor(t, "the function answers again", func() bool {
			return remote.post("/predict", `{"input":`+s.Examples[0].Input+`}`).status == http.StatusOK
		})
	})
}

// startComponents runs each component that the case's params require as a function
// of its own, behind a gate.
func (s *subject) startComponents(t testing.TB) (urls map[string]string, gates []*gate) {
	urls = map[string]string{}
	for _, c := range s.Components {
		d, err := c.Describe()
		require.NoError(t, err)
		doc, required := s.doc.Components[d.Model]
		if !required {
			continue
		}
		server := Start(t, Config{Function: c, Components: s.Components, Bundle: withComponents(&s.doc, doc)})
		g := newGate(t, server.URL)
		urls[d.Model], gates = g.url, append(gates, g)
	}
	return urls, gates
}

// withComponents returns the bundle of a component of a set.
func withComponents(set *params.Set, doc params.Document) *params.Bundle {
	b := Bundle(doc)
	for name := range doc.Requires {
		b.Documents = append(b.Documents, set.Components[name])
	}
	return b
}

// gate stands in front of a function, and holds its requests up.
type gate struct {
	url     string
	away    atomic.Bool   // refuse all
	holding atomic.Bool   // hold each request until it is let go
	arrived chan struct{} // a request is held
	letGo   chan struct{}
}

// release lets the request go that is held, and those after it pass.
func (g *gate) release(t testing.TB) {
	t.Helper()
	g.holding.Store(false)
	select {
	case g.letGo <- struct{}{}:
	case <-time.After(time.Minute):
		require.FailNow(t, "no request is held")
	}
}

func newGate(t testing.TB, target string) *gate {
	g := &gate{arrived: make(chan struct{}, 100), letGo: make(chan struct{})}
	u, err := url.Parse(target)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(u)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		if g.holding.Load() {
			body, _ := io.ReadAll(r.Body) // only then the server notices that the client is gone
			r.Body = io.NopCloser(bytes.NewReader(body))
			g.arrived <- struct{}{}
			select {
			case <-g.letGo:
			case <-r.Context().Done():
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}
