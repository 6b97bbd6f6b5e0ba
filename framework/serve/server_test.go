package serve_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// running is a server that runs in the test.
type running struct {
	t       *testing.T
	address string
	admin   string
	end     context.CancelFunc
	ended   chan error
}

// run serves h until the test ends, or [running.end] is called.
func run(t *testing.T, h serve.Drainable, change func(*serve.Config)) *running {
	t.Helper()
	cfg := serve.Config{Addr: "127.0.0.1:0", Admin: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	s, err := serve.Listen(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t, s.Addr().String(), s.AdminAddr().String(), cancel, make(chan error, 1)}
	var serving sync.WaitGroup
	serving.Go(func() {
		r.ended <- s.Serve(ctx, h, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "figures 1\n") }))
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
	})
	return r
}

func (r *running) wait() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(time.Minute):
		require.FailNow(r.t, "the server does not end")
		return nil
	}
}

// client is a plain connection to a server.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (r *running) dial() (*client, error) {
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		return nil, err
	}
	return &client{c, bufio.NewReader(c)}, c.SetDeadline(time.Now().Add(time.Minute))
}

func (r *running) mustDial() *client {
	r.t.Helper()
	c, err := r.dial()
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = c.Close() }) // the server may have been first
	return c
}

func (c *client) send(t *testing.T, text string) {
	t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(t, err)
}

func (c *client) receive(t *testing.T) (*http.Response, string) {
	t.Helper()
	answer, err := http.ReadResponse(c.in, nil)
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(text)
}

// ended checks that the server has closed the connection.
func (c *client) ended(t *testing.T) {
	t.Helper()
	_, err := c.in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

const header = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"

// echo is a router whose one route answers with what it got. before is called when
// a request was read, and may be nil.
func echo(before func()) *serve.Router {
	route := &serve.Route{Name: "echo", Methods: serve.Writes, Handle: func(c *serve.Call) error {
		if before != nil {
			before()
		}
		body, err := c.Body()
		if err != nil {
			return err
		}
		c.Reply(http.StatusOK, body)
		return nil
	}}
	return serve.NewRouter(serve.RouterConfig{
		Find:    func(*http.Request) *serve.Route { return route },
		Log:     telemetry.NewLog(io.Discard, slog.LevelInfo),
		Metrics: telemetry.NewMetrics("test"),
	})
}

// TestDrainLosesNothing: servers end under load, again and again. Every request
// that a handler was given is answered, also if its body came late.
func TestDrainLosesNothing(t *testing.T) {
	const rounds, clients = 30, 8
	for range rounds {
		var read, answered atomic.Int64
		r := run(t, echo(func() { read.Add(1) }), nil)
		var working sync.WaitGroup
		cut := make(chan error, clients)
		for range clients {
			working.Go(func() {
				if err := r.use(&answered); err != nil {
					cut <- err
				}
			})
		}
		require.Eventually(t, func() bool { return answered.Load() > 100 }, time.Minute, time.Millisecond)
		r.end()
		require.NoError(t, r.wait())
		working.Wait()
		close(cut)
		require.NoError(t, <-cut)
		require.Equal(t, read.Load(), answered.Load(), "requests that were read, and answers that arrived")
	}
}

// use sends one request after another until the server is gone. It fails if an
// answer was cut off.
func (r *running) use(answered *atomic.Int64) error {
	for {
		c, err := r.dial()
		if err != nil {
			return nil //nolint:nilerr // the server is gone: that is the end
		}
		for closed := false; !closed; {
			pieces := []string{header + "[]"}
			if rand.IntN(2) == 0 {
				pieces = []string{header, "[]"}
			}
			for i, piece := range pieces {
				if i > 0 {
					time.Sleep(time.Millisecond) // a slow client: its request is on the way when the end comes
				}
				_, _ = io.WriteString(c, piece) // the next read tells
			}
			if _, err := c.in.Peek(1); err != nil {
				break // the connection ended without a byte of an answer
			}
			answer, err := http.ReadResponse(c.in, nil)
			if err != nil {
				return fmt.Errorf("cut off: %w", err)
			}
			if text, err := io.ReadAll(answer.Body); err != nil || string(text) != "[]" {
				return fmt.Errorf("cut off: %q, %w", text, err)
			}
			answered.Add(1)
			closed = answer.Close
		}
		_ = c.Close() // the server may have been first
	}
}

// TestDrainWaits: a request whose header was read before the end is answered,
// however late its body comes.
func TestDrainWaits(t *testing.T) {
	read := make(chan struct{})
	r := run(t, echo(func() { read <- struct{}{} }), nil)
	c := r.mustDial()
	c.send(t, header)
	<-read
	r.end()
	require.Eventually(t, func() bool {
		other, err := r.dial()
		if err == nil {
			_ = other.Close() // it only tried the port
		}
		return err != nil
	}, time.Minute, time.Millisecond, "the port is closed")
	c.send(t, "[]")
	answer, text := c.receive(t)
	require.Equal(t, "[]", text)
	require.True(t, answer.Close)
	require.NoError(t, r.wait())
}

// TestDrainEndsIdle: connections without a request do not hold the end up, whether
// they ever had one or not.
func TestDrainEndsIdle(t *testing.T) {
	r := run(t, echo(nil), nil)
	fresh, used := r.mustDial(), r.mustDial() // in this order: the one was accepted when the other is answered
	used.send(t, header+"[]")
	answer, _ := used.receive(t)
	require.False(t, answer.Close)
	r.end()
	require.NoError(t, r.wait())
	used.ended(t)
	fresh.ended(t)
}

// TestDrainTimeout: the end does not wait forever, and says what it cut off.
func TestDrainTimeout(t *testing.T) {
	read, goOn := make(chan struct{}), make(chan struct{})
	r := run(t, echo(func() {
		read <- struct{}{}
		<-goOn
	}), func(cfg *serve.Config) { cfg.DrainTimeout = 10 * time.Millisecond })
	defer close(goOn)
	r.mustDial().send(t, header+"[]")
	<-read
	r.end()
	require.ErrorContains(t, r.wait(), "1 requests were cut off after 10ms")
}

// TestReadLimit: the limit on reading holds for a request, and not for its answer,
// whether the request has a body or not.
func TestReadLimit(t *testing.T) {
	const limit = 500 * time.Millisecond // long enough for a busy machine to send a request
	route := &serve.Route{Name: "slow", Handle: func(c *serve.Call) error {
		if c.Request().Method == http.MethodPost {
			if _, err := c.Body(); err != nil {
				return err
			}
		}
		ctx, cancel := c.Context()
		defer cancel()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(3 * limit):
		}
		c.Reply(http.StatusOK, nil)
		return nil
	}}
	r := run(t, serve.NewRouter(serve.RouterConfig{
		Find:    func(*http.Request) *serve.Route { return route },
		Log:     telemetry.NewLog(io.Discard, slog.LevelInfo),
		Metrics: telemetry.NewMetrics("test"),
	}), func(cfg *serve.Config) { cfg.ReadTimeout = limit })
	for request, status := range map[string]int{
		header + "[]":                           200,
		header:                                  400, // its body does not come
		"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n": 200,
	} {
		c := r.mustDial()
		c.send(t, request)
		answer, _ := c.receive(t)
		require.Equal(t, status, answer.StatusCode, request)
	}
}

func TestAdminPort(t *testing.T) {
	r := run(t, echo(nil), nil)
	for path, status := range map[string]int{
		"/metrics": 200, "/debug/pprof/": 200, "/debug/pprof/cmdline": 200, "/debug/pprof/symbol": 200, "/debug/pprof/heap": 200,
		"/echo": 404, "/": 404,
	} {
		resp, err := http.Get("http://" + r.admin + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode, path)
	}
	resp, err := http.Get("http://" + r.address + "/metrics")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, "the traffic port knows its own routes only")
}

func TestListen(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = serve.Listen(serve.Config{Addr: taken.Addr().String(), Log: log})
	require.ErrorContains(t, err, "opening the traffic port")

	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	_, err = serve.Listen(serve.Config{Addr: address, Admin: taken.Addr().String(), Log: log})
	require.ErrorContains(t, err, "opening the admin port")
	s, err := serve.Listen(serve.Config{Addr: address, Log: log})
	require.NoError(t, err, "the traffic port was let go")
	require.Nil(t, s.AdminAddr())
	require.True(t, s.Loopback())
	require.NoError(t, s.Close())

	everywhere, err := serve.Listen(serve.Config{Addr: ":0", Log: log})
	require.NoError(t, err)
	require.False(t, everywhere.Loopback())
	require.NoError(t, everywhere.Close())
}
