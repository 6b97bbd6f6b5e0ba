//go:build linux

package load

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exchange asks for an echo of its body.
func exchange(body string) Exchange {
	return Exchange{
		Request: fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
		Answer:  []byte(body),
	}
}

func serve(t *testing.T, handle http.HandlerFunc) (addr string) {
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = w.Write(append(body, '\n'))
}

func TestRunCountsAnswers(t *testing.T) {
	for name, rate := range map[string]float64{"closed loop": 0, "open loop": 500} {
		t.Run(name, func(t *testing.T) {
			var served atomic.Int64
			addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				echo(w, r)
			})
			r, err := Run(t.Context(), Plan{
				Addr: addr, Connections: 3, Rate: rate,
				Exchanges: []Exchange{exchange("one"), exchange("two")},
				Warmup:    10 * time.Millisecond, Duration: 100 * time.Millisecond,
			})
			require.NoError(t, err)
			assert.EqualValues(t, served.Load(), r.Sent)
			assert.Positive(t, r.Answers)
			assert.LessOrEqual(t, r.Answers, r.Sent)
			assert.Positive(t, r.P50)
			assert.GreaterOrEqual(t, r.P99, r.P50)
			if rate > 0 {
				assert.LessOrEqual(t, r.Sent, 56) // 110 ms of 500 a second, and one at the start
			}
		})
	}
}

// TestOpenLoopCountsWaiting: what was due during a stall counts from when it was
// due, although it could be sent only later.
func TestOpenLoopCountsWaiting(t *testing.T) {
	const stall = 200 * time.Millisecond
	var asked atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 20 {
			<-time.After(stall)
		}
		echo(w, r)
	})
	r, err := Run(t.Context(), Plan{
		Addr: addr, Connections: 1, Rate: 200, Exchanges: []Exchange{exchange("x")}, Duration: time.Second,
	})
	require.NoError(t, err)
	require.Greater(t, r.P99, stall/2)
	require.Greater(t, r.Answers, 21)
}

func TestRunRefusesWrongAnswers(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"another body":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "y") },
		"a longer body":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "xx") },
		"another status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated); fmt.Fprint(w, "x") },
		"no length": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "x")
			_ = http.NewResponseController(w).Flush()
		},
		"too large":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 8<<10)) },
		"a closed one": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t.Context(), Plan{
				Addr: serve(t, handle), Connections: 2, Exchanges: []Exchange{exchange("x")}, Duration: time.Minute,
			})
			require.Error(t, err)
		})
	}
}

func TestRunNeedsAServer(t *testing.T) {
	_, err := Run(t.Context(), Plan{Addr: "127.0.0.1:1", Connections: 1, Exchanges: []Exchange{exchange("x")}, Duration: time.Minute})
	require.ErrorContains(t, err, "connecting to 127.0.0.1:1")
}

func TestQuantile(t *testing.T) {
	list := []time.Duration{1, 2, 3, 4}
	require.Equal(t, time.Duration(3), Quantile(list, 0.5))
	require.Equal(t, time.Duration(4), Quantile(list, 0.99))
	require.Equal(t, time.Duration(4), Quantile(list, 1))
	require.Equal(t, time.Duration(7), Quantile([]time.Duration{7}, 0))
}
