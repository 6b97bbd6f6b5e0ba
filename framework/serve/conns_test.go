package serve

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/telemetry"
)

// plain is a connection that counts what is read from it.
type plain struct {
	net.Conn
	reads int
}

func (p *plain) Read([]byte) (int, error) {
	p.reads++
	return 1, nil
}

func (p *plain) Close() error { return nil }

// queue is a listener of connections that are there already.
type queue struct {
	net.Listener
	all []net.Conn
}

func (q *queue) Accept() (net.Conn, error) {
	c := q.all[0]
	q.all = q.all[1:]
	return c, nil
}

// TestEndIdle: a drain ends the connections that wait for a request, and no others.
func TestEndIdle(t *testing.T) {
	for _, test := range []struct {
		name   string
		states []http.ConnState
		old    bool // it has been open for longer than the grace
		ended  bool
	}{
		{"just opened", []http.ConnState{http.StateNew}, false, false},
		{"opened and never used", []http.ConnState{http.StateNew}, true, true},
		{"a request was read", []http.ConnState{http.StateNew, http.StateActive}, true, false},
		{"a request was answered", []http.ConnState{http.StateNew, http.StateActive, http.StateIdle}, false, true},
		{"another request was read", []http.ConnState{http.StateNew, http.StateActive, http.StateIdle, http.StateActive}, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var all conns
			c, err := all.track(&queue{all: []net.Conn{&plain{}}}).Accept()
			require.NoError(t, err)
			for _, state := range test.states {
				all.changed(c, state)
			}
			if test.old {
				c.(*conn).born = time.Now().Add(-2 * grace)
			}
			require.Equal(t, 1, all.endIdle())
			_, err = c.Read(make([]byte, 10))
			require.Equal(t, test.ended, errors.Is(err, os.ErrDeadlineExceeded), err)
			require.NoError(t, c.Close())
			require.Zero(t, all.endIdle(), "a connection that was closed is forgotten")
		})
	}
}

// TestLook: a look at whether the client is still there waits for the next sweep, and
// costs nothing if it is over before.
func TestLook(t *testing.T) {
	for name, test := range map[string]struct {
		then  func(*conns, net.Conn)
		err   error
		reads int
	}{
		"the answer is out":      {func(_ *conns, c net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded, 0},
		"a sweep comes":          {func(all *conns, _ net.Conn) { all.look(time.Now()) }, nil, 1},
		"the connection is over": {func(_ *conns, c net.Conn) { _ = c.Close() }, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all conns
				below := &plain{}
				c, err := all.track(&queue{all: []net.Conn{below}}).Accept()
				require.NoError(t, err)
				all.changed(c, http.StateActive)
				looked := make(chan error)
				go func() {
					_, err := c.Read(make([]byte, 1))
					looked <- err
				}()
				synctest.Wait()
				require.Zero(t, below.reads)
				test.then(&all, c)
				require.ErrorIs(t, <-looked, test.err)
				require.Equal(t, test.reads, below.reads)
			})
		})
	}
}

// TestDrainAtTheWorstMoment: the end begins when the header of a request on a kept
// connection has been read, and nobody but the server knows of it yet.
func TestDrainAtTheWorstMoment(t *testing.T) {
	for _, test := range []struct{ name, now, late, answer string }{
		{"a whole request", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]", "", "[]"},
		{"its body comes late", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", "[]", "[]"},
		{"its body comes late and in chunks", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n", "1\r\n]\r\n0\r\n\r\n", "[]"},
		{"a request without a body", "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := make(chan struct{}, 2)
			handle := func(c *Call) error {
				read <- struct{}{}
				body, err := c.Body()
				if err != nil {
					return err
				}
				c.Reply(http.StatusOK, body)
				return nil
			}
			router := NewRouter(RouterConfig{
				Find: func(*http.Request) *Route { return &Route{Name: "echo", Handle: handle} },
				Log:  telemetry.NewLog(io.Discard, slog.LevelInfo), Metrics: telemetry.NewMetrics("test"),
			})
			var all conns
			server := &http.Server{Handler: router, ReadTimeout: time.Minute, ConnState: func(c net.Conn, state http.ConnState) {
				if state == http.StateActive && c.(*conn).used {
					router.Drain()
					all.endIdle()
				}
				all.changed(c, state)
			}}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			var serving sync.WaitGroup
			serving.Go(func() { _ = server.Serve(all.track(l)) })
			defer serving.Wait()
			defer server.Close()

			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer c.Close()
			in := bufio.NewReader(c)
			ask := func(now, late string) string {
				_, err := io.WriteString(c, now)
				require.NoError(t, err)
				<-read
				_, err = io.WriteString(c, late)
				require.NoError(t, err)
				answer, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, answer.StatusCode)
				text, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				return string(text)
			}
			require.Empty(t, ask("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", ""))
			require.Equal(t, test.answer, ask(test.now, test.late))
		})
	}
}

// TestDrainHalfARequest: a client whose request was still on its way is told that the
// connection is over, not that it has sent nonsense: it may ask elsewhere.
func TestDrainHalfARequest(t *testing.T) {
	const whole = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, test := range []struct{ name, before, half string }{
		{"the first one, in its first line", "", "GET / HT"},
		{"the first one, in its header", "", "GET / HTTP/1.1\r\nHo"},
		{"another one, in its first line", whole, "GET / HT"},
		{"another one, in its header", whole, "GET / HTTP/1.1\r\nHo"},
		{"another one, of which little is there", whole, "GE"},
		{"another one, between two lines", whole, "GET / HTTP/1.1\r\nHost: x\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all conns
				l := newPipes()
				server := &http.Server{Handler: http.NotFoundHandler(), ReadTimeout: time.Hour, ConnState: all.changed}
				go func() { _ = server.Serve(all.track(l)) }()
				defer server.Close()
				c := l.dial()
				defer c.Close()
				if test.before != "" {
					_, err := io.WriteString(c, test.before)
					require.NoError(t, err)
					answer, err := http.ReadResponse(bufio.NewReader(c), nil)
					require.NoError(t, err)
					_, err = io.Copy(io.Discard, answer.Body)
					require.NoError(t, err)
				}
				_, err := io.WriteString(c, test.half)
				require.NoError(t, err)
				synctest.Wait()
				time.Sleep(2 * grace)
				left := make(chan int, 1)
				go func() { left <- all.drain(time.Now().Add(time.Minute)) }()
				said, err := io.ReadAll(c)
				require.NoError(t, err)
				require.Zero(t, <-left)
				require.Empty(t, string(said))
			})
		})
	}
}
