package frameworktest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/fault"
)

// Fences tests that a server outlives a model that misbehaves, and keeps what is
// inner to itself. serve is as in [Case.Serve].
func Fences(t *testing.T, serve func(t testing.TB, h http.Handler) (url string)) {
	m := newMoody()
	start := func(t *testing.T, timeout time.Duration) *Server {
		cfg := Config{Function: m.model(), Bundle: Bundle(Document(t, "moody", 1, `{}`)), Trusted: true, Serve: serve}
		cfg.Settings.RequestTimeout = timeout
		return Start(t, cfg)
	}
	t.Run("errors", func(t *testing.T) { testErrors(t, start(t, time.Minute)) })
	t.Run("a deadline ends a request", func(t *testing.T) {
		server := start(t, 50*time.Millisecond)
		for _, a := range []answer{
			server.mood(t, "wait"), server.mood(t, "late"),
			server.client(t).post("/evaluate", `{"params":{},"inputs":[{"mood":"late"}]}`),
		} {
			require.Equal(t, "not answered within 50ms", a.refused(t, http.StatusServiceUnavailable).Error)
			require.NotEmpty(t, a.header.Get("Retry-After"))
		}
		<-m.entered
	})
	t.Run("a client that goes away ends its request", func(t *testing.T) {
		server := start(t, time.Minute)
		ctx, leave := context.WithCancel(context.Background())
		gone := make(chan error)
		go func() {
			_, err := try(ctx, http.MethodPost, server.URL+"/predict", strings.NewReader(`{"input":{"mood":"wait"}}`))
			gone <- err
		}()
		<-m.entered
		leave()
		require.ErrorIs(t, <-gone, context.Canceled)
		server.log.wait(t, `"status":499`)
	})
	t.Run("two evaluations at once", func(t *testing.T) { testEvaluationsAtOnce(t, start(t, time.Minute), m) })
}

func (s *Server) mood(t *testing.T, mood string) answer {
	t.Helper()
	return s.client(t).post("/predict", `{"input":{"mood":"`+mood+`"}}`)
}

func testErrors(t *testing.T, server *Server) {
	for _, test := range []struct {
		mood   string
		status int
		public string // the error that the caller sees
		inner  string // what only the log holds
	}{
		{"panic", 500, "internal error", "panic: secret"},
		{"fail", 500, "internal error", "secret"},
		{"infinite", 500, "internal error", "not finite"},
		{"refuse", 400, "input.mood: not today", "not today"},
		{"busy", 429, "too busy", "secret"},
		{"away", 503, "out for lunch", "secret"},
	} {
		t.Run(test.mood, func(t *testing.T) {
			a := server.mood(t, test.mood)
			f := a.refused(t, test.status)
			require.Equal(t, test.public, f.Error)
			require.NotContains(t, a.body, "secret")
			for name, values := range a.header {
				require.NotContains(t, strings.Join(values, " "), "secret", name)
			}
			server.log.wait(t, f.ID, test.inner)
			if test.status == 429 || test.status == 503 {
				require.Equal(t, "2", a.header.Get("Retry-After"))
			}
			server.mood(t, "good").is(t, `{"output":1}`) // the next request is answered
		})
	}
}

// testEvaluationsAtOnce: what costs a build is done for two callers at most.
func testEvaluationsAtOnce(t *testing.T, server *Server, m *moody) {
	body := `{"params":{},"inputs":[{"mood":"wait"}]}`
	answers := make(chan answer, 2)
	for range 2 {
		go func() {
			a, _ := try(context.Background(), http.MethodPost, server.URL+"/evaluate", strings.NewReader(body))
			answers <- a
		}()
		<-m.entered
	}
	a := server.client(t).post("/evaluate", body)
	a.refused(t, http.StatusTooManyRequests)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	server.mood(t, "good").is(t, `{"output":1}`) // predictions are answered
	for range 2 {
		m.goOn <- struct{}{}
		(<-answers).is(t, `{"outputs":[1]}`)
	}
	waitFor(t, "there is place again", func() bool {
		return server.client(t).post("/evaluate", `{"params":{},"inputs":[]}`).status == http.StatusOK
	})
}

// moody is a model whose input says how it behaves.
type moody struct {
	entered chan struct{} // a request waits
	goOn    chan struct{} // it is to answer
}

func newMoody() *moody { return &moody{entered: make(chan struct{}, 8), goOn: make(chan struct{})} }

type mood struct {
	Mood string `json:"mood"`
}

func (m *moody) model() framework.Function {
	return framework.Model[struct{}, mood, float64]{
		Name: "moody",
		Signature: framework.Signature{
			Inputs:  []framework.Value{{Name: "mood", Datatype: "BYTES"}},
			Outputs: []framework.Value{{Name: "y"}},
		},
		Build: func(context.Context, struct{}, *framework.Deps) (framework.Predictor[mood, float64], error) {
			return m, nil
		},
	}
}

// Predict behaves as the input says.
func (m *moody) Predict(ctx context.Context, in mood) (float64, error) {
	secret := errors.New("secret")
	switch in.Mood {
	case "panic":
		panic("secret")
	case "fail":
		return 0, secret
	case "infinite":
		zero := 0.
		return 1 / zero, nil
	case "refuse":
		return 0, fault.Field("mood", "not today")
	case "busy":
		return 0, &fault.Error{Kind: fault.Busy, Message: "too busy", RetryAfter: 1500 * time.Millisecond, Err: secret}
	case "away":
		return 0, fault.Away(2*time.Second, secret, "out for lunch")
	case "late":
		<-ctx.Done() // and it answers all the same
	case "wait":
		m.entered <- struct{}{}
		select {
		case <-m.goOn:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return 1, nil
}
