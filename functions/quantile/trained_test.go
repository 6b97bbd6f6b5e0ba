package quantile_test

import (
	"bytes"
	"log/slog"
	"math"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/samples"
)

// trained returns the bundles of the functions, by name.
func trained(t *testing.T) map[string]*params.Bundle {
	t.Helper()
	data, err := training.ReadCSV(bytes.NewReader(samples.Diabetes))
	require.NoError(t, err)
	results, err := training.Train(t.Context(), data, nil)
	require.NoError(t, err)
	bundles := map[string]*params.Bundle{}
	for _, r := range results {
		bundles[r.Name] = r.Bundle
	}
	return bundles
}

// serve starts a function and returns its handler, to be called without a network,
// and its URL. component is the URL of component D; "" has it in the process.
func serve(t *testing.T, f framework.Function, b *params.Bundle, component string) (h http.Handler, url string) {
	t.Helper()
	cfg := frameworktest.Config{
		Function: f, Components: []framework.Function{standardize.Model}, Bundle: b,
		Serve: func(t testing.TB, served http.Handler) string {
			s := httptest.NewServer(served)
			t.Cleanup(s.Close)
			h = served
			return s.URL
		},
	}
	cfg.Settings.LogLevel = slog.LevelError // a line for each request would be a lot
	if component != "" {
		cfg.Settings.Components = map[string]string{"component-d": component}
	}
	url = frameworktest.Start(t, cfg).URL
	return h, url
}

// post gives a body to a handler.
func post(h http.Handler, path, body string) (status int, answer string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// TestOrder: for the patient of the documentation the quantiles are in their order.
func TestOrder(t *testing.T) {
	bundles := trained(t)
	_, component := serve(t, standardize.Model, bundles["component-d"], "")
	for _, url := range []string{"", component} {
		before := math.Inf(-1)
		for _, name := range []string{"model-a", "model-b", "model-c"} {
			h, _ := serve(t, quantile.Model(name), bundles[name], url)
			status, answer := post(h, "/predict", `{"input":[32.1,101,4.8598]}`)
			require.Equal(t, http.StatusOK, status, answer)
			text := strings.TrimSuffix(strings.TrimPrefix(answer, `{"output":`), "}")
			y, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			require.Greater(t, y, before, name)
			before = y
		}
	}
}

// TestRounding: every product and every sum is rounded for itself, on processors too
// that can fuse them. So does big.Float with 53 bits.
func TestRounding(t *testing.T) {
	m := quantile.New(weights, standardize.New(features))
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(53).SetFloat64(v) }
	for _, x := range random(1000) {
		want := number(weights.Bias)
		for i := range x {
			z := number(x[i])
			z.Sub(z, number(features.Mean[i])).Quo(z, number(features.Scale[i]))
			want.Add(want, z.Mul(z, number(weights.Weights[i])))
		}
		exact, _ := want.Float64()
		y, err := m.Predict(t.Context(), x)
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(exact), math.Float64bits(y), x)
	}
}

// TestExtremeInputs: wherever component D runs, what is answered is the same to the
// last bit, and what is refused is refused, with status 400.
func TestExtremeInputs(t *testing.T) {
	bundles := trained(t)
	_, component := serve(t, standardize.Model, bundles["component-d"], "")
	near, _ := serve(t, quantile.Model("model-a"), bundles["model-a"], "")
	far, _ := serve(t, quantile.Model("model-a"), bundles["model-a"], component)
	var answered []string
	inputs := extremes(10_000)
	for _, input := range inputs {
		body := `{"input":` + input + `}`
		status, want := post(near, "/predict", body)
		statusFar, answer := post(far, "/predict", body)
		require.Equal(t, status, statusFar, "%s: %s and %s", input, want, answer)
		if status == http.StatusOK {
			require.Equal(t, want, answer, input)
			answered = append(answered, input)
			continue
		}
		require.Equal(t, http.StatusBadRequest, status, "%s: %s", input, want)
		path := refusedPath.FindString(want)
		require.NotEmpty(t, path, want)
		require.Equal(t, path, refusedPath.FindString(answer), answer)
		require.Contains(t, answer, "too large")
	}
	require.Greater(t, len(answered), len(inputs)/2)
	require.Less(t, len(answered), len(inputs), "some overflow")

	all := `{"inputs":[` + strings.Join(answered, ",") + `]}`
	status, want := post(near, "/predict", all)
	require.Equal(t, http.StatusOK, status, want)
	statusFar, answer := post(far, "/predict", all)
	require.Equal(t, http.StatusOK, statusFar, answer)
	require.Equal(t, want, answer, "all at once")
	for _, h := range []http.Handler{near, far} {
		status, answer = post(h, "/predict", `{"inputs":[[1,2,3],[1.7e308,-1.7e308,1.7e308]]}`)
		require.Equal(t, http.StatusBadRequest, status, answer)
		require.Contains(t, answer, `"error":"inputs[1][2]: `)
	}
}

// refusedPath finds the path of an input that is too large.
var refusedPath = regexp.MustCompile(`^\{"error":"input(\[\d\])?: `)

// extremes returns inputs as JSON: patients, floats of any bits, and the ends of
// what a float can hold, mixed.
func extremes(n int) []string {
	ends := []float64{
		0, math.Copysign(0, -1), 1, -1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64,
		1 << 53, -1 << 53, 1<<53 - 1, 1e15, 1e16, 1e21, 1e308, 0x1p-1022, math.Nextafter(1, 2), 26.375791855203616,
	}
	r := rand.New(rand.NewPCG(1, 2))
	number := func() float64 {
		switch r.IntN(8) {
		case 0:
			return ends[r.IntN(len(ends))]
		case 1:
			for {
				if v := math.Float64frombits(r.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
					return v
				}
			}
		default:
			return 200 * r.Float64()
		}
	}
	list := make([]string, n)
	for i := range list {
		text := []byte("[")
		for j := range standardize.Features {
			if j > 0 {
				text = append(text, ',')
			}
			text = schema.AppendFloat(text, number())
		}
		list[i] = string(append(text, ']'))
	}
	return list
}
