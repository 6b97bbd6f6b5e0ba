package local_test

import (
	"bytes"
	"context"
	"iter"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/console/live"
	"github.com/modelfn/modelfn/knative/registry"
)

// listener reads the live stream of a run.
type listener struct {
	t    *testing.T
	next func() (live.Event, error, bool)
}

func (r *running) listen(t *testing.T) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL()+"/api/live", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	require.Equal(t, http.StatusOK, resp.StatusCode)
	next, stop := iter.Pull2(live.Read(resp.Body))
	t.Cleanup(stop)
	return &listener{t, next}
}

// until reads events with a name up to the first one that is wanted.
func until[T any](l *listener, name string, wanted func(T) bool) T {
	l.t.Helper()
	for {
		e, err, ok := l.next()
		require.NoError(l.t, err, "waiting for %s", name)
		require.True(l.t, ok, "the stream ended, waiting for %s", name)
		if e.Name != name {
			continue
		}
		var v T
		require.NoError(l.t, json.Unmarshal(e.Data, &v, json.RejectUnknownMembers(true)), string(e.Data))
		if wanted(v) {
			return v
		}
	}
}

// swapped reports whether all replicas of a model have the version that is current.
func swapped(model string, version int64, replicas int) func(console.ReplicasEvent) bool {
	return func(e console.ReplicasEvent) bool {
		return e.Model == model && e.Version == version && len(e.Replicas) == replicas &&
			!slices.ContainsFunc(e.Replicas, func(r registry.Replica) bool { return r.Version != version || r.State != params.Serving })
	}
}

func versionOf(model string, version int64) func(console.ParamsEvent) bool {
	return func(e console.ParamsEvent) bool { return e.Model == model && e.Version == version }
}

// The page sees each change as it happens, whoever makes it: the new document, and each
// replica that takes it.
func TestLive(t *testing.T) {
	t.Parallel()
	r := start(t, withRegistry(t, 4, "model-a", "model-b"))
	one := r.listen(t)
	until(one, "models", func(l console.ModelList) bool {
		i := slices.IndexFunc(l.Models, func(m console.ModelInfo) bool { return m.Name == "model-a" })
		if i < 0 || l.Models[i].Params == nil || l.Models[i].Signature == nil {
			return false // not all of it is known yet
		}
		assert.Equal(t, console.RegistryReady, l.Registry)
		assert.Equal(t, "component-d", l.Models[0].Name)
		assert.Equal(t, console.KindComponent, l.Models[0].Kind)
		a := l.Models[i]
		assert.Equal(t, console.StateReady, a.State)
		assert.Equal(t, "diabetes", a.Signature.Dataset)
		assert.Len(t, a.Signature.Inputs, 3)
		assert.NotEmpty(t, a.Description)
		return true
	})
	until(one, "replicas", swapped("model-a", 1, 4))

	saved := r.put(t, "model-a", modelParams(2), registry.Options{})
	e := until(one, "params", versionOf("model-a", 2))
	assert.Equal(t, saved.Digest, e.Digest)
	assert.EqualValues(t, 2, e.Current)
	until(one, "replicas", swapped("model-a", 2, 4))

	direct, err := registry.New(r.RegistryURL(), "") // past the gateway
	require.NoError(t, err)
	_, err = direct.Put(t.Context(), "model-b", registry.Change{Params: jsontext.Value(modelParams(3))}, registry.Options{})
	require.NoError(t, err)
	until(one, "params", versionOf("model-b", 2))
	until(one, "replicas", swapped("model-b", 2, 4))

	r.put(t, "model-a", modelParams(4), registry.Options{Hold: true})
	e = until(one, "params", versionOf("model-a", 3))
	assert.True(t, e.Held)
	assert.EqualValues(t, 2, e.Current, "it is for nobody yet")

	two := r.listen(t)
	seen := map[string]int64{}
	until(two, "log", func(l struct {
		Events []console.ParamsEvent `json:"events"`
	}) bool {
		for _, e := range l.Events {
			seen[e.Model] = max(seen[e.Model], e.Version)
		}
		return true
	})
	assert.Equal(t, map[string]int64{"component-d": 1, "model-a": 3, "model-b": 2}, seen, "who comes later sees what was")
}

// The stream goes on when the registry is back that was away.
func TestLiveWithoutRegistry(t *testing.T) {
	t.Parallel()
	r := start(t, withRegistry(t, 1, "model-a"))
	l := r.listen(t)
	until(l, "replicas", swapped("model-a", 1, 1))
	require.NoError(t, syscall.Kill(r.Instances()[0].PID, syscall.SIGKILL))
	require.Eventually(t, func() bool { i := r.Instances()[0]; return i.Restarts > 0 && i.Ready }, patience, poll)
	r.put(t, "model-a", modelParams(2), registry.Options{})
	until(l, "params", versionOf("model-a", 2))
	until(l, "replicas", swapped("model-a", 2, 1))
}

// A run with tokens tells the page so, and whose a token is.
func TestSession(t *testing.T) {
	t.Parallel()
	cfg := withRegistry(t, 1, "model-a")
	cfg.Tokens, cfg.Token = tokenFile(t), secret
	r := start(t, cfg)
	ask := func(path string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL()+path, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		require.NoError(t, err)
		return b.String()
	}
	assert.Contains(t, ask("/api/models"), `"signIn":true`)
	assert.JSONEq(t, `{"name":"alice"}`, ask("/api/session"))
}

// A stream that is open does not keep the run from ending.
func TestLiveEndsWithTheRun(t *testing.T) {
	t.Parallel()
	r := start(t, withRegistry(t, 1, "model-a"))
	l := r.listen(t)
	until(l, "replicas", swapped("model-a", 1, 1))
	began := time.Now()
	require.NoError(t, r.end())
	for ok := true; ok; {
		_, _, ok = l.next()
	}
	require.Less(t, time.Since(began), patience)
}
