package api

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// watch asks for another document than etag names, for up to 30 s, and is sure to
// wait when it returns.
func (r *rig) watch(ctx context.Context, etag string) <-chan heard {
	answers := make(chan heard, 1)
	before := r.watches()
	go func() {
		defer close(answers)
		if a, err := r.try(ctx, "GET", "/params/model-a", "", "If-None-Match", etag, "Prefer", "wait=30"); err == nil {
			answers <- a
		}
	}()
	eventually(r.t, func() bool { return r.watches() > before })
	return answers
}

// TestWait: a watch is answered when there is something else than the caller has.
func TestWait(t *testing.T) {
	r := newRig(t).known()
	etag := r.get("/params/model-a").etag()

	a := r.get("/params/model-a", "If-None-Match", `"0-000000000000"`, "Prefer", "wait=30").is(http.StatusOK)
	require.Equal(t, etag, a.etag(), "there is something else: at once")
	require.Equal(t, "wait=30", a.header.Get("Preference-Applied"))
	r.get("/params/model-a", "Prefer", "wait=30").is(http.StatusOK)
	r.get("/params/model-z", "If-None-Match", etag, "Prefer", "wait=30").refused(404, `there is no model "model-z"`)

	began := time.Now()
	a = r.get("/params/model-a", "If-None-Match", etag, "Prefer", "respond-async, wait=1").is(http.StatusNotModified)
	require.GreaterOrEqual(t, time.Since(began), 800*time.Millisecond)
	require.Equal(t, etag, a.etag())

	var watches []<-chan heard
	for range 10 {
		watches = append(watches, r.watch(t.Context(), etag))
	}
	r.do("PUT", "/params/model-a?hold=true", bias("6")).is(http.StatusCreated)
	r.do("PUT", "/params/component-d", `{"params":`+paramsD+`}`).is(http.StatusCreated)
	require.EqualValues(t, 10, r.watches(), "what is held and what is others' is not for them")
	put := r.do("PUT", "/params/model-a", bias("5")).is(http.StatusCreated)
	for _, w := range watches {
		require.Equal(t, put.body, (<-w).is(http.StatusOK).body)
	}
	eventually(t, func() bool { return r.watches() == 0 })
}

// TestWaitSeesOthers: what another registry writes to the same store reaches those
// who wait here.
func TestWaitSeesOthers(t *testing.T) {
	one := newRig(t).known()
	other := openRig(t, one.folder)
	for _, w := range []struct{ writer, reader *rig }{{one, other}, {other, one}, {one, other}} {
		watch := w.reader.watch(t.Context(), w.reader.get("/params/model-a").etag())
		put := w.writer.do("PUT", "/params/model-a", bias("7")).is(http.StatusCreated)
		require.Equal(t, put.body, (<-watch).is(http.StatusOK).body)
	}
	// A promotion of what was held elsewhere, too.
	one.do("PUT", "/params/model-a?hold=1", bias("8"))
	watch := other.watch(t.Context(), other.get("/params/model-a").etag())
	one.do("POST", "/params/model-a/promote", `{"version":5}`).is(http.StatusCreated)
	require.EqualValues(t, 6, (<-watch).doc().Version)
}

// TestWaitNeverGoesBack: a replica that got its document from another registry is
// not given an older one.
func TestWaitNeverGoesBack(t *testing.T) {
	one := newRig(t).known()
	other := openRig(t, one.folder)
	require.EqualValues(t, 1, other.get("/params/model-a").doc().Version) // what the other knows
	newest := one.do("PUT", "/params/model-a", bias("5")).is(http.StatusCreated).etag()
	other.get("/params/model-a", "If-None-Match", newest, "Prefer", "wait=1").is(http.StatusNotModified)
}

// TestWaitEnds: with the client, and with the registry.
func TestWaitEnds(t *testing.T) {
	r := newRig(t).known()
	etag := r.get("/params/model-a").etag()
	ctx, leave := context.WithCancel(t.Context())
	gone := r.watch(ctx, etag)
	leave()
	_, answered := <-gone
	require.False(t, answered)
	eventually(t, func() bool { return r.watches() == 0 })

	watches := []<-chan heard{r.watch(t.Context(), etag), r.watch(t.Context(), etag)}
	began := time.Now()
	r.handler.Drain()
	for _, w := range watches {
		(<-w).is(http.StatusNotModified)
	}
	require.Less(t, time.Since(began), 20*time.Second, "they would have waited for 24 s at least")
	// Nobody is to come back at once, again and again.
	a := r.get("/params/model-a", "If-None-Match", etag, "Prefer", "wait=30").refused(503, "the registry is about to end")
	require.Equal(t, "1", a.header.Get("Retry-After"))
	r.get("/params/model-a").is(http.StatusOK)
	r.do("PUT", "/params/model-a", bias("5")).is(http.StatusCreated)
}

// TestProbing: the store is asked while somebody waits, and only then, once for all
// of them.
func TestProbing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int64
		f := newFeed(func(context.Context) { probes.Add(1) })
		d := params.Document{Model: "model-a", Version: 1, Digest: "sha256:0123456789abcdef"}
		rec := &record{Document: d, Current: 1}
		s := f.publish(&state{head: rec, current: rec})
		time.Sleep(time.Minute)
		require.Zero(t, probes.Load())

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { assert.Nil(t, f.wait(ctx, s.etag())) })
		}
		group.Wait()
		require.EqualValues(t, 40, probes.Load())
		time.Sleep(time.Minute)
		require.EqualValues(t, 40, probes.Load())
	}) // a goroutine that is left fails the test
}

// TestProbeThatHangs: it does not keep a write here from being told.
func TestProbeThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(func(ctx context.Context) { <-ctx.Done() })
		rec := &record{Document: params.Document{Model: "model-a", Version: 1}, Current: 1}
		time.AfterFunc(time.Second, func() { f.publish(&state{head: rec, current: rec}) })
		began := time.Now()
		require.NotNil(t, f.wait(t.Context(), `"0-"`))
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestWanted(t *testing.T) {
	for prefer, want := range map[string]time.Duration{
		"": 0, "wait": 0, "wait=": 0, "wait=0": 0, "wait=-1": 0, "wait=x": 0, "wait=1.5": 0, "respond-async": 0, "waits=3": 0,
		"wait=1": time.Second, "WAIT=2": 2 * time.Second, `wait="3"`: 3 * time.Second, "wait=30": maxWait, "wait=31": maxWait,
		"wait=9223372036854775807": maxWait, "wait=99999999999999999999": 0,
		"respond-async, wait=4": 4 * time.Second, "wait=5; foo=bar": 5 * time.Second, " wait = 6": 0,
	} {
		require.Equal(t, want, wanted(http.Header{"Prefer": {prefer}}), prefer)
	}
	require.Equal(t, time.Second, wanted(http.Header{"Prefer": {"respond-async", "wait=1"}}))
	for range 1000 {
		require.Greater(t, shorten(maxWait), 23*time.Second)
		require.LessOrEqual(t, shorten(maxWait), maxWait)
	}
}

// TestWaitForReplicas: who watches the replicas is answered when one tells something
// else, and not when it says the same again.
func TestWaitForReplicas(t *testing.T) {
	r := newRig(t).known()
	const path = "/params/model-a/replicas"
	tell := func(state params.State, version int64) {
		who := params.Replica{Name: "one", Revision: "r", Version: version, State: state}
		r.get("/params/model-a", params.ReplicaHeader, who.String()).is(http.StatusOK)
	}
	none := r.get(path).is(http.StatusOK).etag()
	r.get(path, "If-None-Match", none).is(http.StatusNotModified)
	a := r.get(path, "If-None-Match", none, "Prefer", "wait=1").is(http.StatusNotModified)
	require.Equal(t, none, a.etag())
	r.get(path, "If-None-Match", `"other"`, "Prefer", "wait=30").is(http.StatusOK)

	watch := func(etag string) <-chan heard {
		answers := make(chan heard, 1)
		go func() {
			defer close(answers)
			if a, err := r.try(t.Context(), "GET", path, "", "If-None-Match", etag, "Prefer", "wait=30"); err == nil {
				answers <- a
			}
		}()
		return answers
	}
	first := watch(none)
	tell(params.Serving, 1)
	a = (<-first).is(http.StatusOK)
	require.Contains(t, a.body, `"version":1`)
	second := watch(a.etag())
	tell(params.Serving, 1)
	tell(params.Stale, 1)
	a = (<-second).is(http.StatusOK)
	require.Contains(t, a.body, `"state":"stale"`)

	seen := &r.registry.replicas
	waits := func() bool {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		return seen.changed["model-a"] != nil
	}
	tell(params.Serving, 1) // so that nobody waits any more
	a = r.get(path).is(http.StatusOK)
	require.False(t, waits())
	third := watch(a.etag())
	eventually(t, waits)
	r.handler.Drain()
	(<-third).is(http.StatusNotModified)
	r.get(path, "If-None-Match", a.etag(), "Prefer", "wait=30").refused(http.StatusServiceUnavailable, "the registry is about to end")
}
