package local_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/local"
	"github.com/modelfn/modelfn/knative/registry"
)

// poll is how often a test looks at what it waits for.
const poll = 5 * time.Millisecond

// modelParams are params of model-a that no other number gives.
func modelParams(n int) string {
	return fmt.Sprintf(`{"weights":[%d.25,%d,3.5],"bias":%d,"quantile":0.1}`, n, n+1, 100*n)
}

// processes returns the process ids of a model's replicas.
func processes(r *local.Run, model string) (list []int) {
	for _, i := range r.Instances() {
		if i.Model == model {
			list = append(list, i.PID)
		}
	}
	return list
}

// The promise: new params reach every replica of a running model, none is
// restarted, no request fails, and none sees a part of one and a part of the other.
func TestParamsReachEveryReplica(t *testing.T) {
	t.Parallel()
	r := start(t, withRegistry(t, 3, "model-a", "model-b"))
	before := processes(r.Run, "model-a")
	require.Len(t, before, 3)
	l := startLoad(t, r, "model-a", 8)
	l.more(100)
	for n := 2; n <= 6; n++ {
		d := r.put(t, "model-a", modelParams(n), registry.Options{})
		require.EqualValues(t, n, d.Version)
		r.serves(t, "model-a", d.Version)
		l.more(100)
	}
	back, err := r.client(t).Rollback(t.Context(), "model-a", 1, "enough", registry.Options{})
	require.NoError(t, err)
	r.serves(t, "model-a", back.Version)
	l.more(100)
	versions := l.end()
	for n := 1; n <= 7; n++ {
		assert.True(t, versions[fmt.Sprint(n)], "version %d answered", n)
	}
	assert.Equal(t, before, processes(r.Run, "model-a"), "none was started again")
	r.serves(t, "model-b", 1)
}

// Ten replicas, 32 connections, 200 versions one after another.
func TestManyVersions(t *testing.T) {
	t.Parallel()
	r := start(t, withRegistry(t, 10, "model-a"))
	before := processes(r.Run, "model-a")
	l := startLoad(t, r, "model-a", 32)
	l.more(100)
	var last params.Document
	for n := range 200 {
		last = r.put(t, "model-a", modelParams(n), registry.Options{})
		l.healthy()
	}
	require.EqualValues(t, 201, last.Version)
	r.serves(t, "model-a", last.Version)
	l.more(100)
	l.end()
	require.Equal(t, before, processes(r.Run, "model-a"))
}

// Each of the two ways is enough alone. Nothing polls, but where there is no watch: an
// event goes to one replica, and the others hear by their watches or ask now and then,
// as one does whose watches fail.
func TestEachWayIsEnough(t *testing.T) {
	t.Parallel()
	silent := func(q *http.Request) { <-q.Context().Done() }
	failing := func(*http.Request) {}
	tests := map[string]struct {
		replicas int
		watch    func(*http.Request) // what a request that waits meets at the registry; nil is the registry itself
		env      string              // of the registry
		poll     string              // of the replicas; an hour if empty
	}{
		"events":          {replicas: 1, watch: silent},
		"events and poll": {replicas: 10, watch: silent, poll: "1s"},
		"watch":           {replicas: 3, env: "K_SINK="},
		"failing watches": {replicas: 3, watch: failing},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := withRegistry(t, tt.replicas, "model-a")
			cfg.Env = append(os.Environ(), "PARAMS_POLL="+cmp.Or(tt.poll, "1h"))
			var run *local.Run // set before any program is started
			if tt.watch != nil {
				wrap(t, cfg.Programs, "model-a", "PARAMS_URL="+inFront(t, func() *local.Run { return run }, tt.watch))
			}
			wrap(t, cfg.Programs, "registry", tt.env)
			r := startOpened(t, cfg, func(r *running) { run = r.Run })
			l := startLoad(t, r, "model-a", 4)
			for n := 2; n <= 4; n++ {
				d := r.put(t, "model-a", modelParams(n), registry.Options{})
				r.serves(t, "model-a", d.Version)
				l.more(50)
			}
			l.end()
		})
	}
}

// inFront is a proxy in front of a run's registry that does as watch says to each
// request that waits, and then fails it.
func inFront(t *testing.T, run func() *local.Run, watch func(*http.Request)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Prefer") != "" {
			watch(q)
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		to, err := url.Parse(run().RegistryURL())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		q.Host = to.Host
		httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A held version is run by who is pinned to it, and by nobody else, until it is
// promoted.
func TestHeldVersion(t *testing.T) {
	t.Parallel()
	r := start(t, withRegistry(t, 2, "model-a"))
	held := r.put(t, "model-a", modelParams(7), registry.Options{Hold: true})
	require.True(t, held.Held)
	pinned := replica(t, r, "model-a", fmt.Sprintf("PARAMS_VERSION=%d", held.Version))
	servesHeld := func() bool { return usedBy(pinned).Version == held.Version }
	require.Eventually(t, servesHeld, patience, poll)
	current, err := r.client(t).Current(t.Context(), "model-a")
	require.NoError(t, err)
	require.EqualValues(t, 1, current.Version)
	r.serves(t, "model-a", 1)

	list := func() (versions []int64) {
		replicas, err := r.client(t).Replicas(t.Context(), "model-a")
		require.NoError(t, err)
		for _, one := range replicas {
			versions = append(versions, one.Version)
		}
		return versions
	}
	require.Eventually(t, func() bool { v := list(); return len(v) == 3 && v[0]+v[1]+v[2] == 1+1+held.Version },
		patience, poll, "the registry knows who runs what")

	promoted, err := r.client(t).Promote(t.Context(), "model-a", held.Version, "", registry.Options{})
	require.NoError(t, err)
	require.Equal(t, held.Digest, promoted.Digest)
	r.serves(t, "model-a", promoted.Version)
	require.True(t, servesHeld(), "a pin holds")
}

// A component gets a new version, and nothing changes for a model that pins the
// former one, wherever the component runs; then both change as one.
func TestComponentIsPromoted(t *testing.T) {
	t.Parallel()
	for _, network := range []bool{false, true} {
		t.Run(fmt.Sprint("network ", network), func(t *testing.T) {
			t.Parallel()
			cfg := withRegistry(t, 2, "model-a")
			if network {
				cfg.Network = []string{"component-d"}
			}
			r := start(t, cfg)
			l := startLoad(t, r, "model-a", 8)
			l.more(100)
			const other = `{"mean":[20,90,4],"scale":[4,13,0.5]}`
			d := r.put(t, "component-d", other, registry.Options{})
			require.EqualValues(t, 2, d.Version)
			if network {
				r.serves(t, "component-d", 2)
			}
			l.more(200)
			r.serves(t, "model-a", 1)

			outcomes, err := r.client(t).PutMany(t.Context(), map[string]registry.Part{
				"component-d": {Params: jsontext.Value(`{"mean":[21,91,4.5],"scale":[4,13,0.5]}`)},
				"model-a":     {Params: jsontext.Value(modelParams(3)), Requires: map[string]any{"component-d": "new"}},
			}, "")
			require.NoError(t, err)
			require.EqualValues(t, 3, outcomes["component-d"].Version)
			r.serves(t, "model-a", outcomes["model-a"].Version)
			l.more(200)
			require.Equal(t, map[string]bool{"1": true, "2": true}, l.end())
		})
	}
}

// Params that are not stored yet can be seen with a version of a component that the
// model does not run, wherever the component runs.
func TestEvaluateWithAnotherComponent(t *testing.T) {
	t.Parallel()
	for _, network := range []bool{false, true} {
		t.Run(fmt.Sprint("network ", network), func(t *testing.T) {
			t.Parallel()
			cfg := withRegistry(t, 1, "model-a")
			if network {
				cfg.Network = []string{"component-d"}
			}
			r := start(t, cfg)
			d := r.put(t, "component-d", `{"mean":[20,90,4],"scale":[4,13,0.5]}`, registry.Options{})
			evaluate := func(pin params.Pin) (int, string) {
				body, err := json.Marshal(map[string]any{
					"params": jsontext.Value(modelParams(3)), "inputs": inputs[:1], "requires": map[string]params.Pin{"component-d": pin},
				})
				require.NoError(t, err)
				resp, err := http.Post(r.URL()+"/model-a/evaluate", "application/json", bytes.NewReader(body))
				require.NoError(t, err)
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				return resp.StatusCode, string(text)
			}
			a, err := params.New("model-a", map[string]params.Pin{"component-d": d.Pin()}, jsontext.Value(modelParams(3)))
			require.NoError(t, err)
			want := predicted(t, &params.Set{Document: a, Components: map[string]params.Document{"component-d": d}}, inputs[0])
			status, text := evaluate(d.Pin())
			require.Equal(t, http.StatusOK, status, text)
			require.JSONEq(t, fmt.Sprintf(`{"outputs":[%v]}`, want), text)

			for _, pin := range []params.Pin{{Version: 9, Digest: d.Digest}, {Version: 1, Digest: d.Digest}} {
				status, text = evaluate(pin)
				require.Equal(t, http.StatusBadRequest, status, text)
				require.Contains(t, text, "requires.component-d: that version is not here")
			}
			r.serves(t, "model-a", 1)
		})
	}
}

// The registry is killed again and again while somebody writes: replicas answer all
// the time, nothing that was acknowledged is lost, and in the end all have the last.
func TestRegistryIsKilled(t *testing.T) {
	t.Parallel()
	r := start(t, withRegistry(t, 2, "model-a"))
	before := processes(r.Run, "model-a")
	l := startLoad(t, r, "model-a", 8)
	c := r.client(t)
	acknowledged := map[int64]string{} // digests
	for n := range 5 {
		for done := 0; done < 5; {
			change := registry.Change{Params: jsontext.Value(modelParams(100*n + done))}
			d, err := c.Put(t.Context(), "model-a", change, registry.Options{Key: fmt.Sprintf("%d-%d", n, done)})
			if err == nil {
				acknowledged[d.Version] = d.Digest
				done++
			}
			if done == 2 && err == nil {
				restarts := r.Instances()[0].Restarts
				require.Equal(t, n, restarts)
				require.NoError(t, syscall.Kill(r.Instances()[0].PID, syscall.SIGKILL))
				require.Eventually(t, func() bool { return r.Instances()[0].Restarts > restarts }, patience, poll)
			}
			l.healthy()
		}
	}
	require.Len(t, acknowledged, 25, "each write was made once")
	for version, digest := range acknowledged {
		d, err := c.Version(t.Context(), "model-a", version)
		require.NoError(t, err)
		require.Equal(t, digest, d.Digest)
	}
	last, err := c.Current(t.Context(), "model-a")
	require.NoError(t, err)
	require.EqualValues(t, 26, last.Version)
	r.serves(t, "model-a", last.Version)
	l.more(100)
	l.end()
	require.Equal(t, before, processes(r.Run, "model-a"))
}

// While the registry is away, models serve what they have and say so, one that
// starts meanwhile serves what was current when the run began, wherever its
// component runs, and the gateway says what is missing.
func TestRegistryIsAway(t *testing.T) {
	t.Parallel()
	for _, network := range []bool{false, true} {
		t.Run(fmt.Sprint("network ", network), func(t *testing.T) {
			t.Parallel()
			cfg := withRegistry(t, 1, "model-a", "model-b")
			if network {
				cfg.Network = []string{"component-d"}
			}
			testRegistryIsAway(t, cfg)
		})
	}
}

func testRegistryIsAway(t *testing.T, cfg local.Config) {
	t.Helper()
	r := start(t, cfg)
	d := r.put(t, "model-a", modelParams(2), registry.Options{})
	r.serves(t, "model-a", d.Version)
	program := filepath.Join(cfg.Programs, "registry")
	require.NoError(t, os.Rename(program, program+".away"))
	require.NoError(t, syscall.Kill(r.Instances()[0].PID, syscall.SIGKILL))
	is := func(model string, version int64, state params.State) {
		t.Helper()
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(r.Instances(), func(i local.Instance) bool {
				u := usedBy(i.URL)
				return i.Model == model && u.Version == version && u.State == state
			})
		}, patience, poll)
	}
	is("model-a", d.Version, params.Stale)
	l := startLoad(t, r, "model-a", 4)
	l.more(100)
	require.NoError(t, syscall.Kill(processes(r.Run, "model-b")[0], syscall.SIGKILL))
	is("model-b", 1, params.Stale)
	status, body := post(t, r.URL()+"/model-b/predict", `{"input":[32.1,101,4.8598]}`)
	require.Equal(t, 200, status, body)
	status, body = get(t, r.URL()+"/health/ready")
	require.Equal(t, 503, status)
	require.JSONEq(t, `{"status":"not ready","away":["registry"]}`, body)

	require.NoError(t, os.Rename(program+".away", program))
	is("model-a", d.Version, params.Serving)
	is("model-b", 1, params.Serving)
	l.more(100)
	require.Equal(t, map[string]bool{"2": true}, l.end())
}
