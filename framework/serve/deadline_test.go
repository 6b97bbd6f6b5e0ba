package serve

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/telemetry"
)

// pipes is a listener whose connections are pipes, so that their time can be a
// test's.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.accepted <- server
	return client
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// TestReadDeadline: a tracked connection keeps its read deadline as any other does,
// a moment late.
func TestReadDeadline(t *testing.T) {
	second := func(c net.Conn) error { return c.SetReadDeadline(time.Now().Add(time.Second)) }
	for _, test := range []struct {
		name string
		set  func(net.Conn) // while a read waits, after half a second
		ends time.Duration  // when that read ends; 0 for never
		late time.Duration  // how much later it may be
	}{
		{"it passes", func(net.Conn) {}, time.Second, lateness},
		{"it is moved", func(c net.Conn) { _ = second(c) }, 1500 * time.Millisecond, lateness},
		{"it is lifted", func(c net.Conn) { _ = c.SetReadDeadline(time.Time{}) }, 0, 0},
		{"it is set to a time that has passed", func(c net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }, 500 * time.Millisecond, 0},
		{"it is set to now", func(c net.Conn) { _ = c.SetReadDeadline(time.Now()) }, 500 * time.Millisecond, lateness},
		{"all deadlines are moved", func(c net.Conn) { _ = c.SetDeadline(time.Now().Add(time.Second)) }, 1500 * time.Millisecond, lateness},
		{"all deadlines are lifted", func(c net.Conn) { _ = c.SetDeadline(time.Time{}) }, 0, 0},
		{"a request was read", func(c net.Conn) { c.(*conn).owner.changed(c, http.StateActive) }, time.Second, lateness},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all conns
				ended := make(chan struct{})
				go all.sweep(ended)
				defer close(ended)
				l := newPipes()
				var client net.Conn
				go func() { client = l.dial() }()
				c, err := all.track(l).Accept()
				require.NoError(t, err)
				synctest.Wait()
				defer client.Close()
				defer c.Close()
				read := func() error {
					_, err := c.Read(make([]byte, 1))
					return err
				}

				start := time.Now()
				require.NoError(t, second(c))
				done := make(chan error, 1)
				go func() { done <- read() }()
				time.Sleep(500 * time.Millisecond)
				test.set(c)
				select {
				case err = <-done:
					require.NotZero(t, test.ends, "it ends")
				case <-time.After(time.Hour):
					require.Zero(t, test.ends, "it goes on")
				}
				if test.ends > 0 {
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					require.WithinRange(t, time.Now(), start.Add(test.ends), start.Add(test.ends+test.late))
					require.ErrorIs(t, read(), os.ErrDeadlineExceeded, "so do those after it")
					require.NoError(t, second(c))
					go func() { done <- read() }()
					synctest.Wait()
				}
				require.NoError(t, client.SetDeadline(time.Now().Add(time.Second)))
				_, err = client.Write([]byte("x"))
				require.NoError(t, err)
				require.NoError(t, <-done, "what comes in time is read")
			})
		})
	}
}

func TestWriteDeadline(t *testing.T) {
	for name, set := range map[string]func(net.Conn, time.Time) error{"write": net.Conn.SetWriteDeadline, "both": net.Conn.SetDeadline} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all conns
				l := newPipes()
				go l.dial()
				c, err := all.track(l).Accept()
				require.NoError(t, err)
				defer c.Close()
				start := time.Now()
				require.NoError(t, set(c, start.Add(time.Second)))
				_, err = c.Write([]byte("x"))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Equal(t, time.Second, time.Since(start))
			})
		})
	}
}

// TestLimits: a server that serves holds its limits on reading, and none of them
// on what it answers.
func TestLimits(t *testing.T) {
	const whole = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]"
	for _, test := range []struct {
		name   string
		send   string // at once
		drip   string // then, again and again
		status int    // of an answer; 0 for none
		ends   time.Duration
	}{
		{"nothing comes", "", "", 0, 10 * time.Second},
		{"a header stops coming", "POST / HTTP/1.1\r\n", "", 0, 10 * time.Second},
		{"a header comes byte by byte", "POST / HTTP/1.1\r\nX: ", "x", 0, 10 * time.Second},
		{"a body stops coming", whole[:len(whole)-1], "", http.StatusBadRequest, 30 * time.Second},
		{"a body comes byte by byte", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n", " ", http.StatusBadRequest, 30 * time.Second},
		{"no other request comes", whole, "", http.StatusOK, 10*time.Minute + 3*time.Minute},
		{"another request stops coming", whole + "POST / HTTP/1.1\r\n", "", http.StatusOK, 10*time.Minute + 10*time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := telemetry.NewLog(io.Discard, slog.LevelInfo)
				route := &Route{Name: "slow", Handle: func(c *Call) error {
					body, err := c.Body()
					if err != nil {
						return err
					}
					time.Sleep(10 * time.Minute)
					c.Reply(http.StatusOK, body)
					return nil
				}}
				router := NewRouter(RouterConfig{
					Find: func(*http.Request) *Route { return route }, Log: log, Metrics: telemetry.NewMetrics("test"),
				})
				l := newPipes()
				s := &Server{traffic: l, cfg: Config{
					HeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 3 * time.Minute,
					DrainTimeout: time.Minute, Log: log.Logger,
				}}
				ctx, cancel := context.WithCancel(t.Context())
				served := make(chan error, 1)
				go func() { served <- s.Serve(ctx, router, http.NotFoundHandler()) }()

				c := l.dial()
				start := time.Now()
				require.NoError(t, c.SetDeadline(start.Add(time.Hour)))
				var sending sync.WaitGroup
				sending.Go(func() {
					_, err := io.WriteString(c, test.send)
					for err == nil && test.drip != "" {
						time.Sleep(time.Second)
						_, err = io.WriteString(c, test.drip)
					}
				})
				defer sending.Wait()
				defer c.Close()
				in := bufio.NewReader(c)
				if test.status != 0 {
					answer, err := http.ReadResponse(in, nil)
					require.NoError(t, err)
					assert.Equal(t, test.status, answer.StatusCode)
					_, err = io.ReadAll(answer.Body)
					require.NoError(t, err)
				}
				rest, err := io.ReadAll(in)
				require.NoError(t, err)
				assert.Empty(t, string(rest))
				const lingers = 500 * time.Millisecond // net/http, when a body was not read
				assert.WithinRange(t, time.Now(), start.Add(test.ends), start.Add(test.ends+lateness+lingers))

				cancel()
				require.NoError(t, <-served)
				_ = log.Close()
			})
		})
	}
}

// TestAnswersThatAreNotRead: a client has time to read, for each piece of its answer
// again, and the answer as a whole may take as long as it likes.
func TestAnswersThatAreNotRead(t *testing.T) {
	const limit, size = 30 * time.Second, 10 * piece
	for _, test := range []struct {
		name   string
		writes []time.Duration // the pauses before the parts of the answer
		reads  int             // bytes a second; 0 for none at all
		cut    bool
	}{
		{"nothing is read", []time.Duration{0}, 0, true},
		{"little is read", []time.Duration{0}, 1 << 10, true},
		{"it is read slowly", []time.Duration{0}, 4 << 10, false},
		{"it comes slowly", []time.Duration{time.Minute, 10 * time.Minute}, size, false},
		{"it comes slowly, and is not read", []time.Duration{time.Minute, 10 * time.Minute}, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wrote := make(chan error, 1)
				handler := &handlerFunc{func(w http.ResponseWriter, _ *http.Request) {
					var err error
					for _, pause := range test.writes {
						if time.Sleep(pause); err == nil {
							_, err = w.Write(make([]byte, size/len(test.writes)))
						}
						if err == nil {
							err = http.NewResponseController(w).Flush()
						}
					}
					wrote <- err
				}}
				l := newPipes()
				s := &Server{traffic: l, cfg: Config{WriteTimeout: limit, DrainTimeout: time.Minute, Log: slog.New(slog.DiscardHandler)}}
				ctx, cancel := context.WithCancel(t.Context())
				served := make(chan error, 1)
				go func() { served <- s.Serve(ctx, handler, http.NotFoundHandler()) }()
				c := l.dial()
				defer c.Close()
				_, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
				require.NoError(t, err)
				got := 0
				for test.reads > 0 && err == nil {
					var n int64
					n, err = io.CopyN(io.Discard, c, int64(test.reads))
					got += int(n)
					time.Sleep(time.Second)
				}
				select {
				case err = <-wrote:
				case <-time.After(time.Hour):
					err = nil
					_ = c.Close() // which ends it
				}
				cancel()
				require.NoError(t, <-served)
				if test.cut {
					require.Error(t, err)
					return
				}
				require.NoError(t, err)
				require.Greater(t, got, size)
			})
		})
	}
}

// handlerFunc is a handler to which the end means nothing.
type handlerFunc struct{ http.HandlerFunc }

func (handlerFunc) Drain() {}
