package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/remote"
	"github.com/modelfn/modelfn/framework/telemetry"
)

var pin = params.Pin{Version: 3, Digest: "sha256:" + strings.Repeat("ab", 32)}

const question, reply = `{"input":[1,2]}`, `{"output":[3]}`

// answering is a component that answers each call with what it is given.
func answering(t *testing.T, h http.HandlerFunc, change func(*remote.Config)) *remote.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(remote.ModelHeader, "component-d")
		h(w, r)
	}))
	t.Cleanup(server.Close)
	cfg := remote.Config{Component: "component-d", URL: server.URL, Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics("model-a")}
	if change != nil {
		change(&cfg)
	}
	c, err := remote.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// good answers as the pinned document does.
func good(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set(remote.DigestHeader, pin.Digest)
	_, _ = io.WriteString(w, reply)
}

func requireAway(t *testing.T, err error) {
	t.Helper()
	f := fault.From(err)
	require.Equal(t, fault.Unavailable, f.Kind, "%v", err)
	require.Equal(t, "component component-d is not available", f.Public())
	require.Positive(t, f.RetryAfter)
}

func TestCallNamesItsParamsAndTrace(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	seen := make(chan *http.Request, 1)
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen <- r
		good(w, r)
	}, nil)
	ctx := telemetry.WithTrace(t.Context(), telemetry.Trace{Parent: parent, State: "vendor=1"})
	answer, err := c.Predict(ctx, pin, []byte(question))
	require.NoError(t, err)
	require.JSONEq(t, reply, string(answer))

	r := <-seen
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, "POST /predict", r.Method+" "+r.URL.Path)
	require.JSONEq(t, question, string(body))
	require.Equal(t, "application/json", r.Header.Get("Content-Type"))
	require.Equal(t, "3", r.Header.Get(remote.VersionHeader))
	require.Equal(t, pin.Digest, r.Header.Get(remote.DigestHeader))
	require.Equal(t, parent, r.Header.Get("Traceparent"))
	require.Equal(t, "vendor=1", r.Header.Get("Tracestate"))
}

func TestURL(t *testing.T) {
	for _, url := range []string{"", "component-d", "ftp://d", "http://", "/predict", "http://d?x=1", "http://d#x", ":", "http://[::1"} {
		_, err := remote.New(remote.Config{Component: "component-d", URL: url})
		require.ErrorContains(t, err, "component component-d", url)
	}
	path := make(chan string, 1)
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		path <- r.URL.Path
		good(w, r)
	}, func(cfg *remote.Config) { cfg.URL += "/base/" })
	_, err := c.Predict(t.Context(), pin, nil)
	require.NoError(t, err)
	require.Equal(t, "/base/predict", <-path)
}

// TestRefusedAnswers: an answer that is not one of the pinned params is never
// given to the caller, and asking again would not help.
func TestRefusedAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		handle http.HandlerFunc
		reason string // in the log
	}{
		{"other params", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(remote.DigestHeader, "sha256:other")
			_, _ = io.WriteString(w, reply)
		}, "other params: sha256:other"},
		{"no params named", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, reply) }, "other params: "},
		{"a huge answer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(remote.DigestHeader, pin.Digest)
			_, _ = io.WriteString(w, strings.Repeat(" ", 1001))
		}, "over 1000 bytes"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "status 307"},
		{"version not there", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "status 404"},
		{"not allowed in", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "status 403"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var calls atomic.Int32
			c := answering(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				test.handle(w, r)
			}, func(cfg *remote.Config) { cfg.MaxAnswer = 1000; cfg.Failures = 1 })
			for range 3 {
				_, err := c.Predict(t.Context(), pin, []byte(question))
				requireAway(t, err)
				require.ErrorContains(t, err, test.reason)
			}
			require.EqualValues(t, 3, calls.Load(), "no retry, and the breaker stays closed")
		})
	}
}

// TestRefusedInput: what a component does not take is the caller's to mend.
func TestRefusedInput(t *testing.T) {
	for status, kind := range map[int]fault.Kind{
		http.StatusBadRequest:            fault.Invalid,
		http.StatusRequestEntityTooLarge: fault.TooLarge,
	} {
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":"bmi is too large","id":"0123456789abcdef"}`)
		}, nil)
		_, err := c.Predict(t.Context(), pin, []byte(question))
		f := fault.From(err)
		require.Equal(t, kind, f.Kind)
		require.Equal(t, "component-d refuses: bmi is too large", f.Public())
	}
}

// TestRefusedField: the path is the one within what was sent, as of a component in
// the process.
func TestRefusedField(t *testing.T) {
	for text, want := range map[string][2]string{
		"input[2]: s5 is too large":        {"[2]", "s5 is too large"},
		"inputs[1][2]: s5 is too large":    {"[1][2]", "s5 is too large"},
		"input.bmi: too large: 1e300":      {"bmi", "too large: 1e300"},
		"inputs[1].rows[2].bmi: too large": {"[1].rows[2].bmi", "too large"},
		"input: 2 numbers instead of 3":    {"", "2 numbers instead of 3"},
		"inputs2: too large":               {"", "inputs2: too large"},
		"input is wrong: too large":        {"", "input is wrong: too large"},
		"input[0]: x; input[2]: y":         {"", "input[0]: x; input[2]: y"},
	} {
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"`+text+`"}`)
		}, nil)
		_, err := c.Predict(t.Context(), pin, []byte(question))
		f := fault.From(err)
		require.Equal(t, [2]string{want[0], "component-d refuses: " + want[1]}, [2]string{f.Path, f.Message}, text)
	}
}

func respond(status int) (*http.Response, error) {
	return &http.Response{
		StatusCode: status, Header: http.Header{remote.DigestHeader: {pin.Digest}},
		Body: io.NopCloser(strings.NewReader(reply)),
	}, nil
}

// network is a component whose behaviour changes from call to call.
type network struct {
	mu    sync.Mutex // guards all
	calls int
	next  func(*http.Request) (*http.Response, error)
}

func (n *network) set(f func(*http.Request) (*http.Response, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next, n.calls = f, 0
}

func (n *network) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.calls++
	f := n.next
	n.mu.Unlock()
	return f(r)
}

var errDown = errors.New("connection refused")

func down(*http.Request) (*http.Response, error)    { return nil, errDown }
func working(*http.Request) (*http.Response, error) { return respond(http.StatusOK) }

// hanging never answers.
func hanging(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func connected(t *testing.T, n *network, change func(*remote.Config)) (*remote.Client, *telemetry.Metrics) {
	t.Helper()
	cfg := remote.Config{
		Component: "component-d", URL: "http://d", Client: n,
		Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics("model-a"),
	}
	if change != nil {
		change(&cfg)
	}
	c, err := remote.New(cfg)
	require.NoError(t, err)
	return c, cfg.Metrics
}

func TestRetry(t *testing.T) {
	for name, broken := range map[string]func(*http.Request) (*http.Response, error){
		"connection refused": down,
		"status 503":         func(*http.Request) (*http.Response, error) { return respond(503) },
		"status 500":         func(*http.Request) (*http.Response, error) { return respond(500) },
		"status 429":         func(*http.Request) (*http.Response, error) { return respond(429) },
		"not the component":  func(*http.Request) (*http.Response, error) { return respond(404) },
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{}
			n.set(func(r *http.Request) (*http.Response, error) {
				n.set(working)
				return broken(r)
			})
			c, _ := connected(t, n, nil)
			answer, err := c.Predict(t.Context(), pin, []byte(question))
			require.NoError(t, err)
			require.JSONEq(t, reply, string(answer))
			require.Equal(t, 1, n.count(), "one retry")

			n.set(broken)
			_, err = c.Predict(t.Context(), pin, []byte(question))
			requireAway(t, err)
			require.Equal(t, 2, n.count(), "one retry, not more")
		})
	}
}

// TestRetryBudget: a component in trouble gets few retries, and a healthy one
// earns them again.
func TestRetryBudget(t *testing.T) {
	n := &network{}
	c, _ := connected(t, n, func(cfg *remote.Config) { cfg.Failures = 1000 })
	fail := func(calls int) int {
		n.set(down)
		for range calls {
			_, err := c.Predict(t.Context(), pin, nil)
			requireAway(t, err)
		}
		return n.count() - calls
	}
	require.Equal(t, 10, fail(50), "ten retries from the start")
	require.Zero(t, fail(50))
	n.set(working)
	for range 30 {
		_, err := c.Predict(t.Context(), pin, nil)
		require.NoError(t, err)
	}
	require.Equal(t, 3, fail(50), "one for every ten calls that succeeded")
}

// breakerState returns the metric: 0 closed, 1 half-open, 2 open.
func breakerState(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Registry().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "modelfn_breaker_state{") {
			return line[strings.LastIndex(line, " ")+1 : len(line)-1]
		}
	}
	require.Fail(t, "there is no such metric")
	return ""
}

// TestBreaker: it opens after failures in a row, lets one call through after the
// recovery, and closes when that succeeds.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		c, metrics := connected(t, n, func(cfg *remote.Config) { cfg.Failures = 4; cfg.Recovery = 5 * time.Second })
		predict := func() error {
			_, err := c.Predict(t.Context(), pin, nil)
			return err
		}
		require.Equal(t, "0", breakerState(t, metrics))
		n.set(down)
		requireAway(t, predict())
		requireAway(t, predict())
		require.Equal(t, 4, n.count())
		require.Equal(t, "2", breakerState(t, metrics), "open")

		err := predict()
		requireAway(t, err)
		require.Equal(t, 4, n.count(), "an open breaker calls nobody")
		require.Equal(t, 5*time.Second, fault.From(err).RetryAfter)

		time.Sleep(5*time.Second + 1)
		requireAway(t, predict())
		require.Equal(t, 5, n.count(), "one trial, without a retry")
		require.Equal(t, "2", breakerState(t, metrics), "open again")

		time.Sleep(5*time.Second + 1)
		n.set(func(r *http.Request) (*http.Response, error) {
			requireAway(t, predict()) // half-open takes one call at a time
			return respond(200)
		})
		require.NoError(t, predict())
		require.Equal(t, 1, n.count())
		require.Equal(t, "0", breakerState(t, metrics), "closed")
		n.set(working)
		require.NoError(t, predict())
	})
}

// TestCancellationIsExcluded: callers that go away neither open the breaker nor
// keep it from closing, and are no fault of anyone.
func TestCancellationIsExcluded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		c, metrics := connected(t, n, func(cfg *remote.Config) { cfg.Failures = 1; cfg.Recovery = time.Second })
		leave := func() error {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			_, err := c.Predict(ctx, pin, nil)
			return err
		}
		n.set(hanging)
		for range 10 {
			require.ErrorIs(t, leave(), context.Canceled)
		}
		require.Equal(t, 10, n.count(), "no retry for someone who left")
		require.Equal(t, "0", breakerState(t, metrics))

		n.set(down)
		_, err := c.Predict(t.Context(), pin, nil)
		requireAway(t, err)
		require.Equal(t, "2", breakerState(t, metrics), "open")
		time.Sleep(time.Second + 1)
		n.set(hanging)
		require.ErrorIs(t, leave(), context.Canceled)
		n.set(working)
		_, err = c.Predict(t.Context(), pin, nil)
		require.NoError(t, err, "the trial that was left has made place for the next")
		require.Equal(t, "0", breakerState(t, metrics))
	})
}

// TestDeadline: a call ends with its caller's deadline or with the client's
// timeout, whichever is first, retry included.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.set(hanging)
		c, _ := connected(t, n, func(cfg *remote.Config) { cfg.Timeout = 3 * time.Second })
		start := time.Now()
		_, err := c.Predict(t.Context(), pin, nil)
		requireAway(t, err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(start))
		require.Equal(t, 1, n.count(), "no retry without time")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err = c.Predict(ctx, pin, nil)
		requireAway(t, err)
		require.Equal(t, time.Second, time.Since(start))
	})
}
