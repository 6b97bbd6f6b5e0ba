package training_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/samples"
)

func read(t testing.TB, text []byte) *training.Data {
	t.Helper()
	d, err := training.ReadCSV(bytes.NewReader(text))
	require.NoError(t, err)
	return d
}

func train(t testing.TB, text []byte) []training.Result {
	t.Helper()
	results, err := training.Train(context.Background(), read(t, text), nil)
	require.NoError(t, err)
	return results
}

// TestSampleModels holds the losses to those of an independent solver.
func TestSampleModels(t *testing.T) {
	results := train(t, samples.Diabetes)
	require.Len(t, results, 4)
	for i, want := range []struct {
		name           string
		quantile, loss float64
	}{{"component-d", 0, 0}, {"model-a", 0.1, 8.675270}, {"model-b", 0.5, 22.909158}, {"model-c", 0.9, 9.970310}} {
		r := results[i]
		require.Equal(t, want.name, r.Name)
		require.Equal(t, 442, r.Rows)
		require.InDelta(t, want.quantile, r.Quantile, 0)
		require.InDelta(t, want.loss, r.Loss, 5e-7)
		require.Equal(t, i > 0, r.Predicts())
		require.Positive(t, r.Took)
		if r.Predicts() {
			const coefficients = standardize.Features + 1
			require.InDelta(t, want.quantile, r.Coverage, float64(coefficients)/442)
		}
	}
}

// TestBundles: each bundle is what a function starts from, by itself, and all of
// them stand on one component.
func TestBundles(t *testing.T) {
	results := train(t, samples.Diabetes)
	component := results[0].Bundle.Documents[0]
	for _, r := range results {
		text, err := r.Bundle.Encode()
		require.NoError(t, err)
		bundle, err := params.ParseBundle(text)
		require.NoError(t, err)
		set, err := bundle.Set(r.Name)
		require.NoError(t, err)
		require.Zero(t, set.Version, "it never was in a registry")
		if r.Predicts() {
			require.Equal(t, map[string]params.Pin{"component-d": component.Pin()}, set.Requires)
			require.Equal(t, component.Pin(), set.Components["component-d"].Pin())
		} else {
			require.Empty(t, set.Requires)
		}
	}
}

// models are the predictors of the bundles, by name.
func models(t *testing.T, results []training.Result) map[string]*quantile.Regression {
	t.Helper()
	var d standardize.Params
	require.NoError(t, json.Unmarshal(results[0].Bundle.Documents[0].Params, &d))
	list := map[string]*quantile.Regression{}
	for _, r := range results[1:] {
		var p quantile.Params
		require.NoError(t, json.Unmarshal(r.Bundle.Documents[0].Params, &p))
		require.InDelta(t, r.Quantile, p.Quantile, 0)
		list[r.Name] = quantile.New(p, standardize.New(d))
	}
	return list
}

func predict(t *testing.T, m *quantile.Regression, x []float64) float64 {
	t.Helper()
	y, err := m.Predict(context.Background(), x)
	require.NoError(t, err)
	return y
}

func TestOrder(t *testing.T) {
	m := models(t, train(t, samples.Diabetes))
	x := []float64{32.1, 101, 4.8598}
	a, b, c := predict(t, m["model-a"], x), predict(t, m["model-b"], x), predict(t, m["model-c"], x)
	require.Less(t, a, b)
	require.Less(t, b, c)
}

// TestLossOfPredictions: the loss and the coverage are those of what the trained
// models answer.
func TestLossOfPredictions(t *testing.T) {
	results := train(t, samples.Diabetes)
	m := models(t, results)
	records := table(t)[1:]
	for _, r := range results[1:] {
		var loss, covered float64
		for _, record := range records {
			var x [4]float64
			for i, at := range []int{2, 3, 8, 10} {
				_, err := fmt.Sscan(record[at], &x[i])
				require.NoError(t, err)
			}
			residual := x[3] - predict(t, m[r.Name], x[:3])
			loss += math.Max(r.Quantile*residual, (r.Quantile-1)*residual)
			if residual < 1e-9 {
				covered++
			}
		}
		n := float64(len(records))
		require.InDelta(t, r.Loss, loss/n, 1e-12)
		require.InDelta(t, r.Coverage, covered/n, 1e-12)
	}
}

// table returns the sample's records, the header first.
func table(t testing.TB) [][]string {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(samples.Diabetes)).ReadAll()
	require.NoError(t, err)
	return records
}

// encoded returns the bytes of all bundles.
func encoded(t testing.TB, results []training.Result) string {
	t.Helper()
	var all strings.Builder
	for _, r := range results {
		text, err := r.Bundle.Encode()
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}

// TestSameBytes: the same rows give the same bytes, wherever their columns stand.
func TestSameBytes(t *testing.T) {
	want := encoded(t, train(t, samples.Diabetes))
	require.Equal(t, want, encoded(t, train(t, samples.Diabetes)))

	var turned bytes.Buffer
	w := csv.NewWriter(&turned)
	for _, record := range table(t) {
		reversed := make([]string, len(record))
		for i, field := range record {
			reversed[len(record)-1-i] = field
		}
		require.NoError(t, w.Write(reversed))
	}
	w.Flush()
	require.Equal(t, want, encoded(t, train(t, turned.Bytes())))
}

func TestProgress(t *testing.T) {
	var names []string
	_, err := training.Train(t.Context(), read(t, samples.Diabetes), func(name string) { names = append(names, name) })
	require.NoError(t, err)
	require.Equal(t, []string{"component-d", "model-a", "model-b", "model-c"}, names)
}

func TestTrainCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := training.Train(ctx, read(t, samples.Diabetes), func(name string) {
		if name == "model-b" {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.EqualError(t, err, "training model-b: context canceled")
}

func TestTrainRefuses(t *testing.T) {
	const dependent = "training model-a: the features are linearly dependent, or so nearly that their coefficients mean nothing"
	for _, test := range []struct {
		name, want string
		row        func(i int) string
	}{
		{"a feature in two units", dependent, func(i int) string { return fmt.Sprintf("%d,%v,%d,%d", i, 1.8*float64(i)+32, i*i, i) }},
		{"a feature that is a sum", dependent, func(i int) string { return fmt.Sprintf("%d,%d,%v,%d", i, i*i, 0.1*float64(i+i*i), i) }},
		{"a feature that hardly varies", "training component-d: feature bmi: no standard deviation can be computed for numbers from 0 to 9e-200",
			func(i int) string { return fmt.Sprintf("%de-200,%d,%d,%d", i, i, i*i, i) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := header
			for i := range 10 {
				text += test.row(i) + "\n"
			}
			_, err := training.Train(t.Context(), read(t, []byte(text)), nil)
			require.EqualError(t, err, test.want)
		})
	}
}

// TestTrain: what real tables do, and still there is one best answer.
func TestTrain(t *testing.T) {
	for _, test := range []struct {
		name string
		loss float64 // of the median; −1 for any
		row  func(i int) string
	}{
		{"as few rows as coefficients and one more", -1, func(i int) string { return fmt.Sprintf("%d,%d,%d,%d", i, i*i, i*i*i, i%3) }},
		{"a perfectly linear target", 0, func(i int) string {
			return fmt.Sprintf("%d,%d,%d,%v", i, i*i, i*i*i, 3+0.7*float64(i)-0.1*float64(i*i))
		}},
		{"one target for all", 0, func(i int) string { return fmt.Sprintf("%d,%d,%d,0.1", i, i*i, i*i*i) }},
		{"targets of 0", 0, func(i int) string { return fmt.Sprintf("%d,%d,%d,0", i, i*i, i*i*i) }},
		{"numbers as large as they may be", -1, func(i int) string { return fmt.Sprintf("%de99,%de99,-%de97,%de99", i, i*i%7, i*i*i%11, i%3) }},
		{"small numbers", -1, func(i int) string { return fmt.Sprintf("%de-99,%de-99,%de-99,%de-99", i, i*i, i*i*i, i%3) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := header
			for i := range 5 {
				text += test.row(i) + "\n"
			}
			for _, r := range train(t, []byte(text)) {
				require.Equal(t, 5, r.Rows)
				if test.loss >= 0 {
					require.InDelta(t, test.loss, r.Loss, 1e-14)
				}
			}
		})
	}
}

func BenchmarkTrain(b *testing.B) {
	d := read(b, samples.Diabetes)
	for b.Loop() {
		if _, err := training.Train(b.Context(), d, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadCSV(b *testing.B) {
	b.SetBytes(int64(len(samples.Diabetes)))
	for b.Loop() {
		if _, err := training.ReadCSV(bytes.NewReader(samples.Diabetes)); err != nil {
			b.Fatal(err)
		}
	}
}
