package announce

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/events/sink"
	"github.com/modelfn/modelfn/framework/metric"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/storetest"
)

// rig is a store with documents in it, and a sink.
type rig struct {
	t       testing.TB
	objects storetest.Memory
	*taker
}

// taker is a sink: it notes what it gets, and answers as it is told.
type taker struct {
	url string

	mu     sync.Mutex // guards what follows
	got    []got
	answer func(attempt int, w http.ResponseWriter, r *http.Request) // nil takes everything
}

type got struct {
	header http.Header
	body   string
	taken  bool
}

func newRig(t testing.TB) *rig {
	r := &rig{t: t, taker: &taker{}}
	server := httptest.NewServer(r.taker)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (k *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a sender that gave up is not counted
	k.mu.Lock()
	attempt, answer := len(k.got), k.answer
	k.got = append(k.got, got{header: r.Header, body: string(body), taken: answer == nil})
	k.mu.Unlock()
	if answer != nil {
		answer(attempt, w, r)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (k *taker) set(answer func(int, http.ResponseWriter, *http.Request)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = answer
}

// ids returns the ids of the events that were taken, in order.
func (k *taker) ids() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var ids []string
	for _, g := range k.got {
		if g.taken {
			ids = append(ids, g.header.Get("Ce-Id"))
		}
	}
	return ids
}

func (k *taker) attempts() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.got)
}

// write appends a version to a model.
func (r *rig) write(model string, held bool) events.Change {
	r.t.Helper()
	s := store.New(&r.objects)
	head, err := s.Head(r.t.Context(), model)
	require.NoError(r.t, err)
	d, err := params.New(model, nil, []byte(fmt.Sprint(head+1)))
	require.NoError(r.t, err)
	d.Version, d.Held, d.Created = head+1, held, time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	data, err := json.Marshal(d)
	require.NoError(r.t, err)
	require.NoError(r.t, s.Append(r.t.Context(), model, d.Version, data))
	return events.Change{Model: model, Version: d.Version, Digest: d.Digest}
}

// registry is one announcer, as one registry has it.
type registry struct {
	*Announcer
	metrics *metric.Registry
	stop    func()
}

// start runs an announcer until its stop or the end of the test.
func (r *rig) start(change ...func(*Config)) *registry {
	r.t.Helper()
	s := store.New(&r.objects)
	run := &registry{metrics: metric.New()}
	cfg := Config{
		Store: s, Sweep: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Metrics: run.metrics,
		Send: &sink.Sink{URL: r.url, Source: "/modelfn/team/params", Extensions: map[string]string{"env": "test"}, Client: &http.Client{}},
		Read: func(ctx context.Context, model string, version int64) (*params.Document, error) {
			data, err := s.Get(ctx, model, version)
			if err != nil {
				return nil, err
			}
			var d params.Document
			return &d, json.Unmarshal(data, &d)
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	run.Announcer = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { run.Run(ctx) })
	run.stop = func() {
		cancel()
		running.Wait()
	}
	r.t.Cleanup(run.stop)
	return run
}

// announced waits until it stands in the store that all of a model is announced.
func (r *rig) announced(model string, version int64) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		head, err := store.New(&r.objects).Head(context.Background(), "announced/"+model)
		return err == nil && head >= version
	}, time.Minute, time.Millisecond)
}

// TestEvent: an event is exactly as the contract has it.
func TestEvent(t *testing.T) {
	r := newRig(t)
	c := r.write("model-a", false)
	run := r.start()
	r.announced("model-a", 1)
	require.Eventually(t, func() bool { return run.left() == 0 }, time.Minute, time.Millisecond)
	require.Equal(t, 1, r.attempts())
	e := r.got[0]
	for name, value := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Type": "dev.modelfn.params.changed.v1", "Ce-Source": "/modelfn/team/params", "Ce-Subject": "model-a",
		"Ce-Id": "model-a/1", "Ce-Sequence": "0000000000000000001", "Ce-Env": "test", "Ce-Time": "2026-01-02T03:04:05.006Z", "Content-Type": "application/json",
	} {
		require.Equal(t, []string{value}, e.header[name], name)
	}
	require.Equal(t, `{"model":"model-a","version":1,"digest":"`+c.Digest+`"}`, e.body)
	var figures bytes.Buffer
	_, err := run.metrics.WriteTo(&figures)
	require.NoError(t, err)
	require.Contains(t, figures.String(), `modelfn_registry_events_total{result="taken"} 1`)
	require.Contains(t, figures.String(), `modelfn_registry_events_total{result="failed"} 0`)
	require.Contains(t, figures.String(), `modelfn_registry_events_pending 0`)
}

// TestWritten: what is written here is announced without waiting for a sweep; what
// is held is not.
func TestWritten(t *testing.T) {
	r := newRig(t)
	r.write("model-b", false)
	run := r.start(func(c *Config) { c.Sweep = time.Hour })
	r.announced("model-b", 1) // the sweep at the start
	for _, held := range []bool{false, true, true, false, true} {
		run.Written(r.write("model-a", held))
	}
	r.announced("model-a", 5)
	require.Equal(t, []string{"model-b/1", "model-a/1", "model-a/4"}, r.ids())
}

// TestSinkFails: whatever the sink does, each version is announced once it takes it.
func TestSinkFails(t *testing.T) {
	hang := make(chan struct{})
	status := func(code int) func(int, http.ResponseWriter, *http.Request) {
		return func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, answer := range map[string]func(int, http.ResponseWriter, *http.Request){
		"500": status(500), "503": status(503), "429": status(429), "400": status(400), "401": status(401), "404": status(404), "304": status(304),
		"a redirection": func(_ int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"it closes": func(_ int, w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if assert.NoError(t, err) {
				assert.NoError(t, conn.Close())
			}
		},
		"it resets": func(_ int, w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if assert.NoError(t, err) {
				assert.NoError(t, conn.(*net.TCPConn).SetLinger(0))
				assert.NoError(t, conn.Close())
			}
		},
		"it takes half": func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			w.WriteHeader(http.StatusInternalServerError)
		},
		"nonsense": func(_ int, w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if assert.NoError(t, err) {
				_, _ = conn.Write([]byte("220 mail ready\r\n")) // the sender may have closed
				assert.NoError(t, conn.Close())
			}
		},
		"it hangs": func(_ int, _ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.set(answer)
			run := r.start(func(c *Config) {
				c.Send.Client = &http.Client{Timeout: 50 * time.Millisecond, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			})
			run.Written(r.write("model-a", false)) // it does not wait
			run.Written(r.write("model-a", false))
			run.Written(r.write("model-b", false))
			require.Eventually(t, func() bool { return r.attempts() >= 4 }, time.Minute, time.Millisecond)
			require.Empty(t, r.ids())
			require.Eventually(t, func() bool { return run.left() == 3 }, time.Minute, time.Millisecond)
			require.NotZero(t, run.failed.Value())
			r.set(nil)
			r.announced("model-a", 2)
			r.announced("model-b", 1)
			require.Subset(t, r.ids(), []string{"model-a/1", "model-a/2", "model-b/1"})
			require.Eventually(t, func() bool { return run.left() == 0 }, time.Minute, time.Millisecond)
		})
	}
	close(hang)
}

// TestSinkAway: a sink that is not there yet.
func TestSinkAway(t *testing.T) {
	r := newRig(t)
	var there atomic.Bool
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if !there.Load() {
			return nil, syscall.ECONNREFUSED
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	r.write("model-a", false)
	run := r.start(func(c *Config) { c.Send.Client = &http.Client{Transport: transport} })
	require.Eventually(t, func() bool { return run.failed.Value() > 1 }, time.Minute, time.Millisecond)
	require.Zero(t, r.attempts())
	there.Store(true)
	r.announced("model-a", 1)
	require.Equal(t, []string{"model-a/1"}, r.ids())
}

// TestSlowSink: an event that takes long is taken all the same; one at a time for
// each model, several models at once.
func TestSlowSink(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	most, now := 0, 0
	full := make(chan struct{}) // closed when as many events are on their way as may be
	letGo := sync.OnceFunc(func() { close(full) })
	r.set(func(_ int, _ http.ResponseWriter, q *http.Request) {
		mu.Lock()
		now++
		if most = max(most, now); most == atOnce {
			letGo()
		}
		mu.Unlock()
		select {
		case <-full:
		case <-q.Context().Done():
		}
		mu.Lock()
		now--
		mu.Unlock()
	})
	for i := range 20 {
		r.write(fmt.Sprintf("model-%c", 'a'+i), false)
	}
	r.start()
	for i := range 20 {
		r.announced(fmt.Sprintf("model-%c", 'a'+i), 1)
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, atOnce, most)
}

// TestRestarts: announcers that come and go at any moment, two at a time, on a sink
// and a store that fail every tenth time, announce every version that is not held.
func TestRestarts(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	unlucky := func() bool { return rand.IntN(10) == 0 }
	taken := map[string]int{}
	r.set(func(_ int, w http.ResponseWriter, q *http.Request) {
		if unlucky() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		taken[q.Header.Get("Ce-Id")]++
	})
	failing := func(c *Config) {
		c.Store = store.New(&storetest.Tap{Objects: &r.objects, After: func(call, _ string) error {
			if unlucky() {
				return store.Unavailable(fmt.Errorf("the answer to %s was lost", call))
			}
			return nil
		}})
	}
	const versions = 60
	want := map[string]bool{}
	for v := 1; v <= versions; v++ {
		for _, model := range []string{"model-a", "model-b"} {
			held := v%5 == 0
			r.write(model, held)
			if !held {
				want[fmt.Sprintf("%s/%d", model, v)] = true
			}
		}
		if v%4 == 0 {
			one, other := r.start(failing), r.start(failing)
			time.Sleep(time.Millisecond) // cut short wherever they are
			one.stop()
			other.stop()
		}
	}
	r.start(failing)
	r.start(failing)
	r.announced("model-a", versions)
	r.announced("model-b", versions)
	mu.Lock()
	defer mu.Unlock()
	for id := range want {
		require.Positive(t, taken[id], id)
	}
	require.Len(t, taken, len(want), "nothing that is held")
}
