package serve_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/predict"
	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// versions is a source of one version after another.
type versions struct{ last int64 }

func (v *versions) Load(context.Context, *params.Set) (params.Set, error) {
	v.last++
	return params.Set{Document: params.Document{Model: "test", Version: v.last, Digest: "d"}}, nil
}

// slow is a model that answers when it is told to.
type slow struct{ asked, goOn chan struct{} }

func (s *slow) Predict(context.Context, []float64) (float64, error) {
	s.asked <- struct{}{}
	<-s.goOn
	return 1, nil
}

// TestAnswersNameTheirParams: an answer names the params that it comes from, also if
// others serve by then. Every other answer names those that serve.
func TestAnswersNameTheirParams(t *testing.T) {
	codec, err := predict.NewCodec[[]float64, float64](predict.Signature{
		Inputs: []predict.Value{{Name: "x"}}, Outputs: []predict.Value{{Name: "y"}},
	})
	require.NoError(t, err)
	model := &slow{make(chan struct{}), make(chan struct{})}
	keeper := params.NewKeeper(params.Config[*serve.Instance]{
		Source: &versions{},
		Build: func(_ context.Context, set params.Set) (*serve.Instance, func(), error) {
			return serve.NewInstance(&set, codec.Runner(model)), nil, nil
		},
	})
	h := serve.NewHandler(serve.HandlerConfig{
		Model: "test", Revision: "r", Keeper: keeper,
		Log: telemetry.NewLog(io.Discard, slog.LevelInfo), Metrics: telemetry.NewMetrics("test"),
	})
	ask := func(method, path string) http.Header {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(`{"input":[1]}`)))
		assert.Equal(t, []string{"test"}, w.Header()[serve.ModelHeader])
		assert.Equal(t, []string{"r"}, w.Header()[serve.RevisionHeader])
		return w.Header()
	}
	others := func(version ...string) {
		require.Equal(t, version, ask(http.MethodGet, "/health/live")[serve.VersionHeader])
		require.Equal(t, version, ask(http.MethodGet, "/params")[serve.VersionHeader])
		require.Equal(t, version, ask(http.MethodGet, "/nowhere")[serve.VersionHeader])
		require.Equal(t, version, ask(http.MethodGet, "/predict")[serve.VersionHeader])
	}
	require.Nil(t, ask(http.MethodPost, "/predict")[serve.VersionHeader], "there are none")
	require.NoError(t, keeper.Reconcile(t.Context()))
	others("1")

	answer := make(chan http.Header)
	go func() { answer <- ask(http.MethodPost, "/predict") }()
	<-model.asked
	require.NoError(t, keeper.Reconcile(t.Context()))
	others("2")
	close(model.goOn)
	require.Equal(t, []string{"1"}, (<-answer)[serve.VersionHeader])
}
