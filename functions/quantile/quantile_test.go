package quantile_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
)

// Numbers whose products and quotients are all rounded, so that one bit lost on the
// way shows.
var (
	features = standardize.Params{Mean: []float64{26.375791855203616, 94.6470135746606, 4.641410859728507}, Scale: []float64{4.413121, 13.815628, 0.521799}}
	weights  = quantile.Params{Weights: []float64{30.486573470364284, 12.57896667774649, 26.935734695219622}, Bias: 149.9371029819523, Quantile: 0.5}
)

func TestPredict(t *testing.T) {
	r := quantile.New(
		quantile.Params{Weights: []float64{2, -1, 0.5}, Bias: 100, Quantile: 0.5},
		standardize.New(standardize.Params{Mean: []float64{26, 95, 4.5}, Scale: []float64{4, 10, 0.5}}),
	)
	y, err := r.Predict(t.Context(), []float64{30, 75, 5.5})
	require.NoError(t, err)
	require.InDelta(t, 100+2*1+1*2+0.5*2, y, 0)
	ys, err := r.PredictBatch(t.Context(), [][]float64{{26, 95, 4.5}, {30, 75, 5.5}})
	require.NoError(t, err)
	require.Equal(t, []float64{100, 105}, ys)
}

// fixed is a component that gives the same for whatever it is asked.
type fixed struct {
	z   []float64
	err error
}

func (f fixed) Predict(context.Context, []float64) ([]float64, error) { return f.z, f.err }

func TestPredictRefuses(t *testing.T) {
	away := fault.Away(1, nil, "component D is not available")
	for _, test := range []struct {
		name   string
		from   fixed
		kind   fault.Kind
		public string
	}{
		{"an overflow", fixed{z: []float64{math.MaxFloat64, 0, 0}}, fault.Invalid, "too large for a finite prediction"},
		{"infinities that cancel out", fixed{z: []float64{math.MaxFloat64, -math.MaxFloat64, 0}}, fault.Invalid, "too large for a finite prediction"},
		{"a component that gives another number of features", fixed{z: []float64{1, 2}}, fault.Internal, "internal error"},
		{"a component that is away", fixed{err: away}, fault.Unavailable, "component D is not available"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := quantile.New(weights, test.from)
			_, err := r.Predict(t.Context(), []float64{1, 2, 3})
			require.Equal(t, test.kind, fault.From(err).Kind)
			require.Equal(t, test.public, fault.From(err).Public())
			_, err = r.PredictBatch(t.Context(), [][]float64{{1, 2, 3}})
			require.Equal(t, test.kind, fault.From(err).Kind)
			require.Equal(t, test.kind == fault.Invalid, fault.From(err).Path == "[0]", "only a wrong input has a path")
		})
	}
}

func TestParams(t *testing.T) {
	s, err := schema.Of[quantile.Params]()
	require.NoError(t, err)
	require.NoError(t, s.Check([]byte(`{"weights":[1,2,3],"bias":4,"quantile":0.5}`)))
	for content, path := range map[string]string{
		`{"weights":[1,2],"bias":4,"quantile":0.5}`:      "weights",
		`{"weights":[1,null,3],"bias":4,"quantile":0.5}`: "weights[1]",
		`{"weights":[1,2,3],"quantile":0.5}`:             "bias",
		`{"weights":[1,2,3],"bias":4,"quantile":0}`:      "quantile",
		`{"weights":[1,2,3],"bias":4,"quantile":1}`:      "quantile",
	} {
		require.Equal(t, path, fault.From(s.Check([]byte(content))).Path, content)
	}
}

// TestWhereComponentDRuns: the outputs are the same bits in one process and across
// the network, one by one and all at once; and there all at once is one call.
func TestWhereComponentDRuns(t *testing.T) {
	d := frameworktest.Document(t, "component-d", 3, encode(t, features))
	bundle := frameworktest.Bundle(frameworktest.Document(t, "model-b", 7, encode(t, weights), d), d)
	var calls atomic.Int64
	component := frameworktest.Start(t, frameworktest.Config{
		Function: standardize.Model, Bundle: frameworktest.Bundle(d),
		Serve: func(t testing.TB, h http.Handler) string {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/predict" {
					calls.Add(1)
				}
				h.ServeHTTP(w, r)
			}))
			t.Cleanup(s.Close)
			return s.URL
		},
	})
	near := frameworktest.Start(t, frameworktest.Config{
		Function: quantile.Model("model-b"), Components: []framework.Function{standardize.Model}, Bundle: bundle,
	})
	far := frameworktest.Start(t, frameworktest.Config{
		Function: quantile.Model("model-b"), Bundle: bundle,
		Settings: framework.Settings{Components: map[string]string{"component-d": component.URL}},
	})
	inputs := random(500)
	want := make([]float64, len(inputs))
	local := quantile.New(weights, standardize.New(features))
	for i, x := range inputs {
		var err error
		want[i], err = local.Predict(t.Context(), x)
		require.NoError(t, err)
	}
	require.Equal(t, want, ask(t, near.URL, inputs))
	calls.Store(0)
	require.Equal(t, want, ask(t, far.URL, inputs))
	require.EqualValues(t, 1, calls.Load(), "calls of the component for %d inputs", len(inputs))
	for i, x := range inputs[:20] {
		require.Equal(t, want[i:i+1], ask(t, far.URL, [][]float64{x}))
	}
}

// random returns inputs as patients may have them, in numbers of 53 bits.
func random(n int) [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([][]float64, n)
	for i := range list {
		list[i] = []float64{18 + 24*r.Float64(), 62 + 71*r.Float64(), 3.2 + 3*r.Float64()}
	}
	return list
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := schema.Encode(v)
	require.NoError(t, err)
	return string(text)
}

// ask posts inputs to a function and returns its outputs.
func ask(t *testing.T, url string, inputs [][]float64) []float64 {
	t.Helper()
	body := encode(t, map[string]any{"inputs": inputs})
	resp, err := http.Post(url+"/predict", "application/json", bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(text))
	var answer struct {
		Outputs []float64 `json:"outputs"`
	}
	require.NoError(t, json.Unmarshal(text, &answer))
	return answer.Outputs
}

func BenchmarkPredict(b *testing.B) {
	r := quantile.New(weights, standardize.New(features))
	x := []float64{32.1, 101, 4.8598}
	for b.Loop() {
		if _, err := r.Predict(b.Context(), x); err != nil {
			b.Fatal(err)
		}
	}
}

// The median for a patient, from params that were trained before.
func Example() {
	model := quantile.New(weights, standardize.New(features))
	y, err := model.Predict(context.Background(), []float64{32.1, 101, 4.8598})
	fmt.Printf("%.1f %v\n", y, err)
	// Output: 206.5 <nil>
}
