package params_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

// registry serves answers by path, and counts the requests.
type registry struct {
	answers  map[string]http.HandlerFunc
	requests atomic.Int64
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.requests.Add(1)
	if answer, ok := r.answers[req.URL.Path]; ok {
		answer(w, req)
		return
	}
	http.NotFound(w, req)
}

// answers with a document, or 304 to who has it.
func gives(t testing.TB, d params.Document) http.HandlerFunc {
	t.Helper()
	body, etag := text(t, d), params.ETag(d.Version, d.Digest)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(body))
	}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func follow(t testing.TB, version int64, answers map[string]http.HandlerFunc) (*params.Registry, *registry) {
	t.Helper()
	r := &registry{answers: answers}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	s, err := params.NewRegistry(params.RegistryConfig{URL: server.URL, Model: "model-a", Pin: params.Pin{Version: version}})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s, r
}

func TestRegistryLoadsASet(t *testing.T) {
	d := document(t, "component-d", 3, nil, `{"mean":[1]}`)
	a := document(t, "model-a", 7, pins(d), `{"w":1}`)
	next := document(t, "model-a", 8, pins(d), `{"w":2}`)
	answers := map[string]http.HandlerFunc{
		"/params/model-a":                gives(t, a),
		"/params/model-a/versions/7":     gives(t, a),
		"/params/component-d/versions/3": gives(t, d),
	}
	t.Run("the current one", func(t *testing.T) {
		s, r := follow(t, 0, answers)
		set, err := s.Load(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, params.Set{Document: a, Components: map[string]params.Document{"component-d": d}}, set)
		assert.Equal(t, int64(2), r.requests.Load())

		again, err := s.Load(t.Context(), &set)
		require.NoError(t, err)
		assert.Equal(t, set, again)
		assert.Equal(t, int64(3), r.requests.Load(), "what did not change is not sent again")

		changed := map[string]http.HandlerFunc{"/params/model-a": gives(t, next)}
		r.answers = changed
		set, err = s.Load(t.Context(), &set)
		require.NoError(t, err)
		assert.Equal(t, int64(8), set.Version)
		assert.Equal(t, d, set.Components["component-d"], "a component that is known is not asked for again")
	})
	t.Run("a pinned one", func(t *testing.T) {
		s, r := follow(t, 7, answers)
		set, err := s.Load(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, int64(7), set.Version)
		_, err = s.Load(t.Context(), &set)
		require.NoError(t, err)
		assert.Equal(t, int64(2), r.requests.Load(), "it cannot change")
	})
}

// TestRegistryThatIsWrong holds that no answer of a registry breaks a replica, nor
// says that the set that is wanted does not fit.
func TestRegistryThatIsWrong(t *testing.T) {
	d := document(t, "component-d", 3, nil, `{"mean":[1]}`)
	a := document(t, "model-a", 7, pins(d), `{"w":1}`)
	wrong := a
	wrong.Digest = d.Digest
	other := document(t, "component-d", 3, nil, `{"mean":[2]}`)
	tests := []struct {
		name    string
		version int64
		answers map[string]http.HandlerFunc
		want    string
	}{
		{"away", 0, nil, "the registry answers 404 Not Found to /params/model-a"},
		{"in trouble", 0, map[string]http.HandlerFunc{"/params/model-a": says(500, "oh")}, "the registry answers 500 Internal Server Error to /params/model-a: oh"},
		{"no JSON", 0, map[string]http.HandlerFunc{"/params/model-a": says(200, "<html>")}, "the registry's answer to /params/model-a: not valid JSON"},
		{"no document", 0, map[string]http.HandlerFunc{"/params/model-a": says(200, "{}")}, "model: missing"},
		{"nothing", 0, map[string]http.HandlerFunc{"/params/model-a": says(200, "")}, "it ends too early"},
		{"a digest that does not fit", 0, map[string]http.HandlerFunc{"/params/model-a": gives(t, wrong)}, "does not fit the content"},
		{"another model's document", 0, map[string]http.HandlerFunc{"/params/model-a": gives(t, d)}, "the registry gave a document of component-d for model-a"},
		{"not modified, though nothing was named", 0, map[string]http.HandlerFunc{"/params/model-a": says(304, "")}, "the registry answers 304 Not Modified"},
		{"not modified for a version", 7, map[string]http.HandlerFunc{"/params/model-a/versions/7": says(304, "")}, "the registry answers 304 Not Modified"},
		{"not modified for a component", 0, map[string]http.HandlerFunc{"/params/model-a": gives(t, a), "/params/component-d/versions/3": says(304, "")}, "model-a version 7: the registry answers 304"},
		{"a component that is not there", 0, map[string]http.HandlerFunc{"/params/model-a": gives(t, a)}, "model-a version 7: the registry answers 404"},
		{"another component than the pinned one", 0, map[string]http.HandlerFunc{"/params/model-a": gives(t, a), "/params/component-d/versions/3": gives(t, other)},
			"component-d version 3 has digest " + other.Digest + ", but " + d.Digest + " is pinned"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := follow(t, tt.version, tt.answers)
			_, err := s.Load(t.Context(), nil)
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, fault.Internal, fault.From(err).Kind, "it is tried again")
		})
	}
	t.Run("its URL", func(t *testing.T) {
		for _, url := range []string{"", "registry:8080", "ftp://registry", "http://", "://"} {
			_, err := params.NewRegistry(params.RegistryConfig{URL: url, Model: "model-a"})
			require.ErrorContains(t, err, "is not an http or https URL", url)
		}
	})
	t.Run("gone", func(t *testing.T) {
		s, err := params.NewRegistry(params.RegistryConfig{URL: "http://127.0.0.1:1", Model: "model-a"})
		require.NoError(t, err)
		_, err = s.Load(context.Background(), nil)
		require.ErrorContains(t, err, "asking the registry: ")
	})
}

func TestReplicaHeader(t *testing.T) {
	full := params.Replica{Name: "host-1", Revision: "model-a-00002", Version: 17, Digest: "sha256:ab", State: params.Rejected, Error: "w: a; b=c\r\nX: é"}
	for _, r := range []params.Replica{full, {Name: "h"}} {
		got, err := params.ParseReplica(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, got)
		assert.NotContains(t, r.String(), "\n", "it is one header")
	}
	got, err := params.ParseReplica(" name=h ; new=1; state=stale")
	require.NoError(t, err)
	assert.Equal(t, params.Replica{Name: "h", State: params.Stale}, got, "a field that is not known is left out")
	for value, want := range map[string]string{
		"":                 "has no name",
		"version=1":        "has no name",
		"name=h;version=x": "version: ",
		"name=%zz":         "field name: ",
	} {
		_, err := params.ParseReplica(value)
		require.ErrorContains(t, err, params.ReplicaHeader)
		require.ErrorContains(t, err, want)
	}
}

func FuzzParseReplica(f *testing.F) {
	f.Add("name=host-1;revision=r;version=17;digest=sha256:ab;state=serving;error=a%3Bb")
	f.Add("name=%")
	f.Add(";;=;")
	f.Fuzz(func(t *testing.T, value string) {
		r, err := params.ParseReplica(value)
		if err != nil {
			return
		}
		again, err := params.ParseReplica(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}
