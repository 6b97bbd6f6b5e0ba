package live_test

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/console/live"
)

// source publishes what a test tells it.
type source struct {
	begin []live.Event

	mu      sync.Mutex // guards publish
	publish func(live.Event)
	runs    chan struct{} // closed when it runs
	ended   chan struct{}
}

func (s *source) Run(ctx context.Context, publish func(live.Event)) {
	s.mu.Lock()
	s.publish = publish
	s.mu.Unlock()
	close(s.runs)
	<-ctx.Done()
	close(s.ended)
}

func (s *source) Begin() []live.Event { return s.begin }

func (s *source) tell(name, key, data string) {
	<-s.runs
	s.mu.Lock()
	publish := s.publish
	s.mu.Unlock()
	publish(live.Event{Name: name, Key: key, Data: []byte(data)})
}

// rig is a hub on a server, and the sources that it had.
type rig struct {
	hub     *live.Hub
	server  *httptest.Server
	sources chan *source
}

func start(t *testing.T, change func(*live.Config)) *rig {
	t.Helper()
	r := &rig{sources: make(chan *source, 100)}
	cfg := live.Config{Source: func() live.Source {
		s := &source{runs: make(chan struct{}), ended: make(chan struct{}), begin: []live.Event{{Name: "begin", Data: []byte("0")}}}
		r.sources <- s
		return s
	}}
	if change != nil {
		change(&cfg)
	}
	r.hub = live.New(cfg)
	r.server = httptest.NewServer(r.hub)
	t.Cleanup(func() { r.hub.Close(); r.server.Close() })
	return r
}

// listener reads a stream.
type listener struct {
	t      *testing.T
	events chan live.Event // closed at the stream's end
	leave  context.CancelFunc
}

func (r *rig) listen(t *testing.T) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	l := &listener{t, make(chan live.Event, 10_000), cancel}
	go func() {
		defer close(l.events)
		defer resp.Body.Close()
		for e, err := range live.Read(resp.Body) {
			if err != nil {
				return
			}
			l.events <- e
		}
	}()
	return l
}

// hears waits for one event.
func (l *listener) hears(want string) {
	l.t.Helper()
	require.Equal(l.t, want, l.next())
}

func (l *listener) next() string {
	l.t.Helper()
	e, ok := wait(l.t, l.events)
	if !ok {
		return "the end"
	}
	return e.Name + " " + string(e.Data)
}

func wait[T any](t *testing.T, c <-chan T) (T, bool) {
	t.Helper()
	select {
	case v, ok := <-c:
		return v, ok
	case <-time.After(time.Minute):
		require.FailNow(t, "nothing comes")
		panic("not reached")
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	require.Nil(t, r.hub.Source(), "nothing runs while nobody listens")
	one := r.listen(t)
	s, _ := wait(t, r.sources)
	require.Same(t, s, r.hub.Source())
	one.hears("begin 0")
	s.tell("a", "", `{"n":1}`)
	one.hears(`a {"n":1}`)
	two := r.listen(t)
	two.hears("begin 0")
	s.tell("a", "", "2")
	s.tell("b", "", "3")
	for _, l := range []*listener{one, two} {
		l.hears("a 2")
		l.hears("b 3")
	}
	one.leave()
	s.tell("a", "", "4")
	two.hears("a 4")
	select {
	case <-s.ended:
		require.Fail(t, "somebody listens still")
	default:
	}
	two.leave()
	wait(t, s.ended)
	require.Eventually(t, func() bool { return r.hub.Source() == nil }, time.Minute, time.Millisecond)

	r.listen(t).hears("begin 0")
	next, _ := wait(t, r.sources)
	require.NotSame(t, s, next, "another one listens: another source")
}

func TestClose(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	l := r.listen(t)
	s, _ := wait(t, r.sources)
	l.hears("begin 0")
	r.hub.Close()
	wait(t, s.ended)
	l.hears("the end")
	resp, err := http.Get(r.server.URL)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	r.hub.Close()
	require.Empty(t, r.sources)
}

// There are only so many streams, and one that ended makes room.
func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *live.Config) {
		c.Streams = 3
		c.Refuse = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
	})
	var all []*listener
	for range 3 {
		l := r.listen(t)
		l.hears("begin 0")
		all = append(all, l)
	}
	status := func() int {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusTeapot, status())
	all[0].leave()
	require.Eventually(t, func() bool { return status() == http.StatusOK }, time.Minute, time.Millisecond)
}

// One client cannot take the streams of others; of who is not known only the number of
// all is bounded.
func TestTooManyStreamsOfClient(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *live.Config) {
		c.Streams, c.StreamsOfClient = 6, 2
		c.Client = func(r *http.Request) string { return r.Header.Get("Client") }
	})
	ask := func(client string) (*http.Response, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL, nil)
		require.NoError(t, err)
		req.Header.Set("Client", client)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		t.Cleanup(func() { resp.Body.Close() })
		return resp, cancel
	}
	status := func(client string) int {
		resp, _ := ask(client)
		return resp.StatusCode
	}
	_, leave := ask("a")
	require.Equal(t, http.StatusOK, status("a"))
	require.Equal(t, http.StatusServiceUnavailable, status("a"))
	require.Equal(t, http.StatusOK, status("b"))
	for range 3 {
		require.Equal(t, http.StatusOK, status(""))
	}
	require.Equal(t, http.StatusServiceUnavailable, status("b"), "these are all")
	leave()
	require.Eventually(t, func() bool { return status("a") == http.StatusOK }, time.Minute, time.Millisecond)
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *live.Config) { c.Heartbeat = time.Millisecond })
	resp, err := http.Get(r.server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for beats := 0; beats < 3; {
		require.True(t, lines.Scan())
		if lines.Text() == ":" {
			beats++
		}
	}
}

// stuck opens a stream, and reads no more of it than its begin unless next is called.
func (r *rig) stuck(t *testing.T) (next func() (live.Event, error, bool)) {
	t.Helper()
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	next, stop := iter.Pull2(live.Read(resp.Body))
	t.Cleanup(stop)
	first, err, _ := next()
	require.NoError(t, err)
	require.Equal(t, "begin", first.Name)
	return next
}

// Who reads nothing holds nobody up, and is cut off.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *live.Config) { c.WriteTimeout = 5 * time.Second }) // enough for who reads, on a busy machine
	r.stuck(t)
	s, _ := wait(t, r.sources)
	l := r.listen(t)
	l.hears("begin 0")
	large := strings.Repeat("x", 1<<20)
	for range 20 {
		s.tell("large", "", large)
		l.hears("large " + large)
	}
	l.leave()
	wait(t, s.ended) // the other one was cut off, and counts no more
}

// Who falls behind is cut off after so many events, however long it may take to read.
func TestReaderFarBehind(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *live.Config) { c.WriteTimeout = time.Hour })
	next := r.stuck(t)
	s, _ := wait(t, r.sources)
	large := strings.Repeat("x", 1<<20)
	for range 20 {
		s.tell("large", "", large) // fills what lies between
	}
	for range 2000 {
		s.tell("small", "", "1")
	}
	heard := 0
	for {
		_, err, ok := next()
		require.NoError(t, err, "it is ended in order")
		if !ok {
			break
		}
		heard++
	}
	assert.Less(t, heard, 2020)
	wait(t, s.ended)
}

// Of events with the same key a slow listener gets the last one, in the first one's
// place.
func TestReplacedEvents(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	next := r.stuck(t)
	s, _ := wait(t, r.sources)
	large := strings.Repeat("x", 1<<20)
	for range 10 {
		s.tell("large", "", large)
	}
	for i := range 500 {
		s.tell("state", "state", fmt.Sprint(i))
	}
	s.tell("last", "", "1")
	var heard []string
	for last := false; !last; {
		e, err, ok := next()
		require.NoError(t, err)
		require.True(t, ok)
		if e.Name == "state" {
			heard = append(heard, string(e.Data))
		}
		last = e.Name == "last"
	}
	require.NotEmpty(t, heard)
	assert.Equal(t, "499", heard[len(heard)-1])
	assert.Less(t, len(heard), 500)
}

// Listeners come and go while events are published and the hub closes: each hears
// them in order, without a gap.
func TestCrowd(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for {
			select {
			case s := <-r.sources:
				publishing.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-s.ended:
							return
						case <-stop:
							return
						case <-time.After(50 * time.Microsecond):
							s.tell("n", "", fmt.Sprint(n))
						}
					}
				})
			case <-stop:
				return
			}
		}
	})
	var listening sync.WaitGroup
	var heard atomic.Int64
	for range 16 {
		listening.Go(func() {
			for range 20 {
				l := r.listen(t)
				last := -1
				for range 10 {
					e, ok := <-l.events
					if !assert.True(t, ok) {
						return
					}
					var n int
					if _, err := fmt.Sscan(string(e.Data), &n); e.Name != "n" || err != nil {
						continue
					}
					assert.True(t, last < 0 || n == last+1, "%d after %d", n, last)
					last = n
					heard.Add(1)
				}
				l.leave()
			}
		})
	}
	listening.Wait()
	require.NotZero(t, heard.Load())
	close(stop)
	publishing.Wait()
}
