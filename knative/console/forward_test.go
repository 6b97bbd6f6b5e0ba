package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/console"
)

func TestInstancesTakeTurns(t *testing.T) {
	t.Parallel()
	var counts [3]atomic.Int32
	var urls []string
	for i := range counts {
		urls = append(urls, model(t, func(http.ResponseWriter, *http.Request) { counts[i].Add(1) }))
	}
	server, _ := gateway(t, map[string][]string{"model-a": urls}, nil)
	for range 30 {
		do(t, "POST", server.URL+"/model-a/predict", "{}")
	}
	for i := range counts {
		assert.EqualValues(t, 10, counts[i].Load(), "instance %d", i)
	}
}

func TestInstanceThatIsAwayIsPassedOver(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	server, _ := gateway(t, map[string][]string{"model-a": {gone.URL, model(t, echo)}}, nil)
	for range 10 {
		resp, _ := do(t, "POST", server.URL+"/model-a/predict", "{}")
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
}

func TestModelThatStartsIsWaitedFor(t *testing.T) {
	t.Parallel()
	server, l := gateway(t, map[string][]string{"model-a": nil}, func(c *console.Config) { c.Patience = time.Minute })
	resp, body := do(t, "GET", server.URL+"/health/ready", "")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.JSONEq(t, `{"status":"not ready","away":["model-a"]}`, body)

	asking := make(chan struct{})
	answered := make(chan int)
	go func() {
		close(asking)
		resp, err := http.Post(server.URL+"/model-a/predict", "application/json", strings.NewReader("{}"))
		if !assert.NoError(t, err) {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	<-asking
	l.set(t, map[string][]string{"model-a": {model(t, echo)}})
	require.Equal(t, http.StatusOK, <-answered)
}

func TestModelThatStaysAway(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, map[string][]string{"model-a": nil}, func(c *console.Config) { c.Patience = 30 * time.Millisecond })
	resp, body := do(t, "POST", server.URL+"/model-a/predict", "{}")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	require.Contains(t, body, `"error":"model-a is away"`, "nothing inner is told")
}

// A request that makes its model crash is sent again once, not for ever.
func TestResendIsBounded(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		sent.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
	})}}, func(c *console.Config) { c.Patience = time.Minute })
	resp, body := do(t, "POST", server.URL+"/model-a/predict", "{}")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Contains(t, body, "model-a broke off the request")
	require.EqualValues(t, 2, sent.Load())
}

// Knative answers for a program that has died, until it runs again: nobody sees that.
func TestProgramThatDied(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) {
		case 1:
			http.Error(w, "read tcp 127.0.0.1:5->127.0.0.1:8080: read: connection reset by peer", http.StatusBadGateway)
		case 2, 3, 4:
			http.Error(w, "dial tcp 127.0.0.1:8080: connect: connection refused", http.StatusBadGateway)
		default:
			echo(w, r)
		}
	})}}, func(c *console.Config) { c.Patience = time.Minute })
	resp, body := do(t, "POST", server.URL+"/model-a/predict", "{}")
	require.Equal(t, http.StatusOK, resp.StatusCode, body)
	require.EqualValues(t, 5, n.Load())
}

// A program that was started again answers before it has its params: nobody sees that
// either.
func TestProgramWithoutParams(t *testing.T) {
	t.Parallel()
	var n, without atomic.Int32
	program := model(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > without.Load() {
			echo(w, r)
			return
		}
		w.Header().Set("Modelfn-Params", "none")
		http.Error(w, `{"error":"no params are loaded yet","id":"0"}`, http.StatusServiceUnavailable)
	})
	models := map[string][]string{"model-a": {program}}
	server, _ := gateway(t, models, func(c *console.Config) { c.Patience = time.Minute })
	for _, path := range []string{"/model-a/predict", "/v1/models/model-a:predict"} {
		n.Store(0)
		without.Store(4)
		resp, body := do(t, "POST", server.URL+path, "{}")
		require.Equal(t, http.StatusOK, resp.StatusCode, body)
		require.EqualValues(t, 5, n.Load())
	}

	server, _ = gateway(t, models, func(c *console.Config) { c.Patience = 500 * time.Millisecond })
	n.Store(0)
	without.Store(1 << 30)
	resp, body := do(t, "POST", server.URL+"/model-a/predict", "{}")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	require.Contains(t, body, `"error":"model-a has no params yet"`)
	require.Less(t, n.Load(), int32(20), "it is left time to get some")
}

// Another 503 is the model's answer, and it is not asked again.
func TestModelThatRefuses(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		http.Error(w, `{"error":"component component-d is not available","id":"0"}`, http.StatusServiceUnavailable)
	})}}, nil)
	resp, body := do(t, "POST", server.URL+"/model-a/predict", "{}")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Contains(t, body, `"error":"component component-d is not available"`)
	require.EqualValues(t, 1, n.Load())
}

// But a request that makes one after the other die does so twice at most.
func TestResendToKnativeIsBounded(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		http.Error(w, "EOF", http.StatusBadGateway)
	})}}, func(c *console.Config) { c.Patience = time.Minute })
	resp, body := do(t, "POST", server.URL+"/model-a/predict", "{}")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Contains(t, body, `"error":"model-a broke off the request"`, "nothing inner is told")
	require.EqualValues(t, 2, n.Load())
}
