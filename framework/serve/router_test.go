package serve_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// logged is what a log line of a request says.
type logged struct {
	Level  string `json:"level"`
	Route  string `json:"route"`
	Status int    `json:"status"`
	Trace  string `json:"trace"`
	Params *int64 `json:"params"`
	ID     string `json:"id"`
	Error  string `json:"error"`
}

// answer lets a router with one route answer one request, and returns the line
// that it logged, if any.
func answer(t *testing.T, route serve.Route, r *http.Request) (*httptest.ResponseRecorder, *logged) {
	t.Helper()
	var text bytes.Buffer
	log := telemetry.NewLog(&text, slog.LevelInfo)
	route.Name = "route"
	router := serve.NewRouter(serve.RouterConfig{
		Find: func(r *http.Request) *serve.Route {
			if r.URL.Path == "/nowhere" {
				return nil
			}
			return &route
		},
		Headers:        http.Header{"Modelfn-Model": {"test"}},
		RequestTimeout: time.Minute, MaxBody: 100,
		Log: log, Metrics: telemetry.NewMetrics("test"),
	})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	require.NoError(t, log.Close())
	require.Equal(t, "test", w.Header().Get("Modelfn-Model"))
	if text.Len() == 0 {
		return w, nil
	}
	var line logged
	require.Equal(t, 1, strings.Count(text.String(), "\n"), "one line: %s", &text)
	require.NoError(t, json.Unmarshal(bytes.TrimSpace(text.Bytes()), &line))
	return w, &line
}

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

// TestErrors: each kind of error has its status, and what is inner stays in the log.
func TestErrors(t *testing.T) {
	secret := errors.New("secret")
	for _, test := range []struct {
		name       string
		err        error
		status     int
		public     string
		retryAfter string
		level      string
	}{
		{"not a fault", secret, 500, "internal error", "", "ERROR"},
		{"wrapped and not a fault", fmt.Errorf("doing: %w", secret), 500, "internal error", "", "ERROR"},
		{"a field", fault.Field("input[2]", "not a number"), 400, "input[2]: not a number", "", "INFO"},
		{"a wrapped fault", fmt.Errorf("secret: %w", fault.New(fault.NotFound, "no such version")), 404, "no such version", "", "INFO"},
		{"unauthorized", fault.New(fault.Unauthorized, "who?"), 401, "who?", "", "INFO"},
		{"forbidden", fault.New(fault.Forbidden, "no"), 403, "no", "", "INFO"},
		{"too large", fault.New(fault.TooLarge, "too large"), 413, "too large", "", "INFO"},
		{"busy", &fault.Error{Kind: fault.Busy, Message: "busy", RetryAfter: time.Second}, 429, "busy", "1", "INFO"},
		{"away", fault.Away(1500*time.Millisecond, secret, "away"), 503, "away", "2", "ERROR"},
		{"out of time", fmt.Errorf("calling: %w", context.DeadlineExceeded), 503, "not answered within 1m0s", "1", "ERROR"},
		{"a message that is no UTF-8", fault.New(fault.Invalid, "\xff"), 400, "the request is not valid", "", "INFO"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, line := answer(t, serve.Route{Handle: func(*serve.Call) error { return test.err }}, get("/"))
			require.Equal(t, test.status, w.Code)
			require.Equal(t, "application/json", w.Header().Get("Content-Type"))
			require.Equal(t, test.retryAfter, w.Header().Get("Retry-After"))
			require.NotContains(t, w.Body.String(), "secret")
			require.Equal(t, test.status == 401, w.Header().Get("Www-Authenticate") != "")
			require.JSONEq(t, fmt.Sprintf(`{"error":%q,"id":%q}`, test.public, line.ID), w.Body.String())
			require.Equal(t, test.level, line.Level)
			require.Equal(t, test.status, line.Status)
			if test.public != "the request is not valid" {
				require.Contains(t, line.Error, test.err.Error())
			}
		})
	}
}

func TestPanics(t *testing.T) {
	t.Run("before an answer", func(t *testing.T) {
		w, line := answer(t, serve.Route{Handle: func(*serve.Call) error { panic("secret") }}, get("/"))
		require.Equal(t, http.StatusInternalServerError, w.Code)
		require.NotContains(t, w.Body.String(), "secret")
		require.Contains(t, line.Error, "panic: secret")
		require.Contains(t, line.Error, "router_test.go", "the stack")
	})
	t.Run("after an answer", func(t *testing.T) {
		w, line := answer(t, serve.Route{Handle: func(c *serve.Call) error {
			c.Reply(http.StatusOK, []byte(`{}`))
			panic("secret")
		}}, get("/"))
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, `{}`, w.Body.String())
		require.Contains(t, line.Error, "panic: secret")
	})
}

// TestErrorAfterAnswer: the answer is out; the log tells.
func TestErrorAfterAnswer(t *testing.T) {
	w, line := answer(t, serve.Route{Handle: func(c *serve.Call) error {
		c.Reply(http.StatusOK, []byte(`{}`))
		return errors.New("late")
	}}, get("/"))
	require.Equal(t, `{}`, w.Body.String())
	require.Equal(t, http.StatusOK, line.Status)
	require.Equal(t, "late", line.Error)
}

func TestRoutes(t *testing.T) {
	ok := func(c *serve.Call) error { return c.Answer(http.StatusOK, map[string]int{"a": 1}) }
	t.Run("no route", func(t *testing.T) {
		w, line := answer(t, serve.Route{Handle: ok}, get("/nowhere"))
		require.Equal(t, http.StatusNotFound, w.Code)
		require.Equal(t, "none", line.Route, "a path that anyone can make up is no label")
	})
	t.Run("another method", func(t *testing.T) {
		w, _ := answer(t, serve.Route{Handle: ok, Methods: serve.Writes}, get("/"))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
		require.Equal(t, "POST", w.Header().Get("Allow"))
	})
	t.Run("any method", func(t *testing.T) {
		w, _ := answer(t, serve.Route{Handle: ok}, httptest.NewRequest(http.MethodDelete, "/", nil))
		require.Equal(t, http.StatusOK, w.Code)
	})
	t.Run("HEAD has the header alone", func(t *testing.T) {
		w, _ := answer(t, serve.Route{Handle: ok, Methods: serve.Reads}, httptest.NewRequest(http.MethodHead, "/", nil))
		require.Equal(t, "7", w.Header().Get("Content-Length"))
		require.Empty(t, w.Body.String())
	})
	t.Run("a quiet route has no line", func(t *testing.T) {
		_, line := answer(t, serve.Route{Handle: ok, Quiet: true}, get("/"))
		require.Nil(t, line)
	})
	t.Run("an empty answer", func(t *testing.T) {
		w, line := answer(t, serve.Route{Handle: func(c *serve.Call) error {
			c.Empty(http.StatusAccepted)
			return nil
		}}, get("/"))
		require.Equal(t, http.StatusAccepted, w.Code)
		require.Empty(t, w.Body.String())
		require.Equal(t, http.StatusAccepted, line.Status)
	})
}

func TestTrace(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	r := get("/")
	r.Header.Set("Traceparent", "00-"+id+"-b7ad6b7169203331-01")
	var inside string
	_, line := answer(t, serve.Route{Handle: func(c *serve.Call) error {
		ctx, cancel := c.Context()
		defer cancel()
		inside = telemetry.TraceFrom(ctx).ID()
		_, limited := ctx.Deadline()
		require.True(t, limited, "a request has a deadline")
		return nil
	}}, r)
	require.Equal(t, id, inside)
	require.Equal(t, id, line.Trace)
}

// held counts how often it was let go.
type held struct{ released int }

func (h *held) Release() { h.released++ }

// TestHold: what a call holds is let go once, however the call ends.
func TestHold(t *testing.T) {
	for name, end := range map[string]func(*serve.Call) error{
		"an answer": func(c *serve.Call) error { return c.Answer(200, 1) },
		"an error":  func(*serve.Call) error { return errors.New("no") },
		"a panic":   func(*serve.Call) error { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			h := &held{}
			_, line := answer(t, serve.Route{Handle: func(c *serve.Call) error {
				c.Hold(h, 7)
				return end(c)
			}}, get("/"))
			require.Equal(t, 1, h.released)
			require.EqualValues(t, 7, *line.Params)
		})
	}
}

// TestClientThatLeft: it is no error of the function.
func TestClientThatLeft(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	w, line := answer(t, serve.Route{Handle: func(c *serve.Call) error {
		leave()
		ctx, cancel := c.Context()
		defer cancel()
		return ctx.Err()
	}}, get("/").WithContext(ctx))
	require.Equal(t, 499, w.Code)
	require.Equal(t, "INFO", line.Level)
}

// promise is a body of which nothing comes. It notes how much room there was for it.
type promise struct{ room int }

func (p *promise) Read(b []byte) (int, error) {
	p.room = len(b)
	return 0, io.ErrUnexpectedEOF
}

// TestPromisedBody: who says that a large body is to come gets no memory for it before
// it comes.
func TestPromisedBody(t *testing.T) {
	router := echo(nil)
	for _, length := range []int64{1, 1 << 20, -1} {
		body := &promise{}
		r := httptest.NewRequest(http.MethodPost, "/echo", body)
		r.ContentLength = length
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		require.Equal(t, http.StatusBadRequest, w.Code, w.Body)
		require.LessOrEqual(t, body.room, 64<<10)
	}
	whole := strings.Repeat("1", 300_000)
	for _, length := range []int64{int64(len(whole)), -1} {
		r := httptest.NewRequest(http.MethodPost, "/echo", io.NopCloser(strings.NewReader(whole)))
		r.ContentLength = length
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		require.Equal(t, whole, w.Body.String())
	}
}

// TestCallsAreUsedAgain: nothing of one request is seen by another.
func TestCallsAreUsedAgain(t *testing.T) {
	router := echo(nil)
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			for n := range 200 {
				body := fmt.Sprintf("[%d,%s]", i, strings.Repeat("1", n%50))
				w := httptest.NewRecorder()
				router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/echo", strings.NewReader(body)))
				if w.Body.String() != body {
					t.Errorf("%s instead of %s", w.Body, body)
				}
			}
		})
	}
	asking.Wait()
}
