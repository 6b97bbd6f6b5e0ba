package frameworktest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// testEnd: for the drain delay the program still answers, and each answer sends
// its client elsewhere. Who does not want to wait for the rest signals again.
func testEnd(t *testing.T, p *program) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			r := p.start(t, "DRAIN_DELAY=10m")
			kept := r.dial(t)
			in := bufio.NewReader(kept)
			require.False(t, r.askLive(t, kept, in))
			r.signal(s)
			c := r.client()
			waitFor(t, "the program is not ready", func() bool { return c.get("/health/ready").status == http.StatusServiceUnavailable })
			require.Contains(t, c.get("/health/ready").body, "draining")
			require.Equal(t, params.Draining, c.used().State)
			require.True(t, r.askLive(t, kept, in), "a connection from before is closed")
			fresh := r.dial(t)
			require.True(t, r.askLive(t, fresh, bufio.NewReader(fresh)), "so is a new one")
			require.Equal(t, p.Examples[0].Output, c.predict(p.Examples[0].Input))
			waitFor(t, "a second signal ends it", func() bool {
				_ = r.cmd.Process.Signal(s) // it may have ended
				return !r.runs()
			})
			require.Equal(t, -1, r.exit())
		})
	}
}

// askLive asks whether the program lives, on a connection, and returns whether the
// answer ends the connection.
func (r *process) askLive(t testing.TB, c net.Conn, in *bufio.Reader) (ends bool) {
	t.Helper()
	_, err := io.WriteString(c, "GET /health/live HTTP/1.1\r\nHost: "+r.host()+"\r\n\r\n")
	require.NoError(t, err)
	answer, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	return answer.Close
}

// testEndUnderLoad: the program is ended again and again under load. It has
// answered every request that it has read: its log has a line for each.
func testEndUnderLoad(t *testing.T, p *program) {
	for _, delay := range []string{"0s", "0s", "0s", "0s", "200ms"} {
		r := p.start(t, "DRAIN_DELAY="+delay)
		u := &users{address: r.host(), example: p.Examples[0]}
		u.start(12)
		waitFor(t, "requests are answered", func() bool { return u.answered.Load() > 300 })
		u.ending.Store(true)
		r.stop()
		u.running.Wait()
		require.NoError(t, u.failure())
		read := len(r.log.find(`"route":"predict"`))
		require.Equal(t, read, int(u.answered.Load()), "requests that were read, and answers that arrived")
	}
}

// users are clients of a program that is about to end. Each sends one request
// after another on a connection that it keeps, half of them the body after the
// header.
type users struct {
	address  string
	example  Example
	ending   atomic.Bool // from now on a connection may be refused
	answered atomic.Int64
	running  sync.WaitGroup

	mu  sync.Mutex // guards err
	err error
}

func (u *users) start(n int) {
	for i := range n {
		u.running.Go(func() {
			if err := u.use(i%2 == 0); err != nil {
				u.mu.Lock()
				defer u.mu.Unlock()
				u.err = err
			}
		})
	}
}

func (u *users) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// use works until the program is gone.
func (u *users) use(split bool) error {
	for {
		c, err := net.DialTimeout("tcp", u.address, time.Minute)
		if err != nil {
			return u.gone(err)
		}
		err = u.talk(c, split)
		_ = c.Close() // nothing of it is needed any more
		if err != nil {
			return err
		}
	}
}

// gone is nil if the program may be gone.
func (u *users) gone(err error) error {
	if u.ending.Load() {
		return nil
	}
	return err
}

// talk uses one connection until the other side closes it.
func (u *users) talk(c net.Conn, split bool) error {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	body := `{"input":` + u.example.Input + `}`
	header := fmt.Sprintf("POST /predict HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", u.address, len(body))
	pieces := []string{header + body}
	if split {
		pieces = []string{header, body}
	}
	in := bufio.NewReader(c)
	for {
		for i, piece := range pieces {
			if i > 0 {
				time.Sleep(time.Millisecond) // a slow client: its request is on the way when the end comes
			}
			if _, err := io.WriteString(c, piece); err != nil {
				return u.gone(err)
			}
		}
		if _, err := in.Peek(1); err != nil {
			return u.gone(err) // not one byte of an answer: it was not read
		}
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			return fmt.Errorf("an answer was cut off: %w", err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return fmt.Errorf("an answer was cut off: %w", err)
		}
		answer.Body.Close()
		if want := `{"output":` + u.example.Output + `}`; string(text) != want {
			return fmt.Errorf("%d %s instead of %s", answer.StatusCode, text, want)
		}
		u.answered.Add(1)
		if answer.Close {
			return nil
		}
	}
}
