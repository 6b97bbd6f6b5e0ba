package frameworktest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dial opens a plain connection to the process.
func (r *process) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.host())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() }) // it may be closed already
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	return c
}

// testLimits: no connection is kept open by one who does not use it.
func testLimits(t *testing.T, p *program) {
	r := p.start(t, "HEADER_TIMEOUT=1s", "READ_TIMEOUT=2s", "IDLE_TIMEOUT=1s", "WRITE_TIMEOUT=1s", "MAX_BODY_BYTES=2000")
	t.Run("a header that does not come", func(t *testing.T) {
		c := r.dial(t)
		_, err := io.WriteString(c, "POST /predict HTTP/1.1\r\nHost: x\r\n")
		require.NoError(t, err)
		ends(t, c)
	})
	t.Run("a header that comes byte by byte", func(t *testing.T) {
		c := r.dial(t)
		go func() {
			for err := error(nil); err == nil; time.Sleep(20 * time.Millisecond) {
				_, err = io.WriteString(c, "X: y\r\n"[:1])
			}
		}()
		ends(t, c)
	})
	t.Run("a body that does not come", func(t *testing.T) {
		c := r.dial(t)
		_, err := io.WriteString(c, "POST /predict HTTP/1.1\r\nHost: "+r.host()+"\r\nContent-Length: 1000\r\n\r\n{")
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusBadRequest, answer.StatusCode)
		ends(t, c)
	})
	t.Run("a connection without a request", func(t *testing.T) { ends(t, r.dial(t)) })
	t.Run("a connection without another request", func(t *testing.T) {
		c := r.dial(t)
		require.False(t, r.askLive(t, c, bufio.NewReader(c)), "it is kept for another request")
		ends(t, c)
	})
	t.Run("answers that nobody reads", func(t *testing.T) {
		c := r.dial(t)
		var err error
		for err == nil {
			_, err = io.WriteString(c, "GET /health/live HTTP/1.1\r\nHost: "+r.host()+"\r\n\r\n")
		}
		require.False(t, isTimeout(err), "the connection is still open")
	})
	t.Run("a header of 100 kB", func(t *testing.T) {
		a, err := try(context.Background(), http.MethodGet, r.url+"/health/live", nil, "X-Long", strings.Repeat("x", 100_000))
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, a.status)
	})
	t.Run("a body over MAX_BODY_BYTES", func(t *testing.T) {
		r.client().post("/predict", strings.Repeat(" ", 2001)).refused(t, http.StatusRequestEntityTooLarge)
	})
	r.stop()
}

// host is what requests on plain connections have to name.
func (r *process) host() string { return strings.TrimPrefix(r.url, "http://") }

// ends waits until the other side has closed the connection.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	require.False(t, isTimeout(err), "the connection is still open")
}

func isTimeout(err error) bool {
	late, is := errors.AsType[net.Error](err)
	return is && late.Timeout()
}

// testLongPrediction: the limits on reading a request do not count for its answer,
// but the deadline does.
func testLongPrediction(t *testing.T, p *program) {
	if len(p.doc.Requires) == 0 {
		t.Skip("nothing makes its predictions long: it has no components")
	}
	urls, gates := p.startComponents(t)
	var env []string
	for name, url := range urls {
		env = append(env, strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"_URL="+url)
	}
	body := `{"input":` + p.Examples[0].Input + `}`
	hold := func(r *process) chan answer {
		answers := make(chan answer, 1)
		go func() {
			a, _ := try(context.Background(), http.MethodPost, r.url+"/predict", strings.NewReader(body))
			answers <- a
		}()
		select {
		case <-gates[0].arrived:
		case early := <-answers:
			answers <- early
		}
		return answers
	}
	t.Run("it is answered after all limits on reading", func(t *testing.T) {
		r := p.start(t, append(env, "HEADER_TIMEOUT=1s", "READ_TIMEOUT=1s", "IDLE_TIMEOUT=1s")...)
		gates[0].holding.Store(true)
		answers := hold(r)
		time.Sleep(1500 * time.Millisecond) // the limits pass
		gates[0].release(t)
		(<-answers).is(t, `{"output":`+p.Examples[0].Output+`}`)
		r.stop()
	})
	t.Run("it is answered when the program is told to end", func(t *testing.T) {
		r := p.start(t, append(env, "DRAIN_DELAY=0s")...)
		gates[0].holding.Store(true)
		answers := hold(r)
		r.signal(syscall.SIGTERM)
		r.log.wait(t, `"msg":"draining"`)
		gates[0].release(t)
		(<-answers).is(t, `{"output":`+p.Examples[0].Output+`}`)
		require.Zero(t, r.exit())
	})
	t.Run("it is cut off at DRAIN_TIMEOUT", func(t *testing.T) {
		r := p.start(t, append(env, "DRAIN_DELAY=0s", "DRAIN_TIMEOUT=100ms")...)
		gates[0].holding.Store(true)
		hold(r)
		r.signal(syscall.SIGTERM)
		require.Equal(t, 1, r.exit())
		require.NotEmpty(t, r.log.find("1 requests were cut off"))
		gates[0].holding.Store(false)
	})
	t.Run("it is ended at REQUEST_TIMEOUT", func(t *testing.T) {
		r := p.start(t, append(env, "REQUEST_TIMEOUT=100ms")...)
		gates[0].holding.Store(true)
		answers := hold(r)
		(<-answers).refused(t, http.StatusServiceUnavailable)
		gates[0].holding.Store(false)
		r.stop()
	})
}
