package standardize_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/functions/standardize"
)

type row = [standardize.Features]float64

func TestFit(t *testing.T) {
	p, err := standardize.Fit([]row{{1, 10, -3}, {3, 10, 3}, {5, 40, 3}, {7, 40, -3}})
	require.NoError(t, err)
	require.Equal(t, []float64{4, 25, 0}, p.Mean)
	require.Equal(t, []float64{math.Sqrt(5), 15, 3}, p.Scale, "the population's, divided by n")
}

// TestFitted: what was fitted to has mean 0 and standard deviation 1 afterwards.
func TestFitted(t *testing.T) {
	rows := []row{{18, 62, 3.2581}, {42.2, 133, 6.107}, {32.1, 101, 4.8598}, {21.6, 87, 3.8918}}
	p, err := standardize.Fit(rows)
	require.NoError(t, err)
	s := standardize.New(p)
	var sum, squares row
	for _, x := range rows {
		z, err := s.Predict(t.Context(), x[:])
		require.NoError(t, err)
		for i, v := range z {
			sum[i] += v
			squares[i] += v * v
		}
	}
	for i := range sum {
		require.InDelta(t, 0, sum[i], 1e-12)
		require.InDelta(t, float64(len(rows)), squares[i], 1e-12)
	}
}

func TestFitRefuses(t *testing.T) {
	for _, test := range []struct {
		name, want string
		rows       []row
	}{
		{"no rows", "no rows", nil},
		{"one row", "feature bmi: 1 in every row", []row{{1, 2, 3}}},
		// Three times 0.1, divided by 3, is not 0.1: the standard deviation is 1e-17.
		{"a constant whose mean is rounded", "feature bp: 0.1 in every row", []row{{1, 0.1, 1}, {2, 0.1, 2}, {3, 0.1, 3}}},
		{"too large", "feature s5: no standard deviation can be computed", []row{{1, 1, 1e200}, {2, 2, -1e200}}},
		{"too large to add up", "feature s5: no standard deviation", []row{{1, 1, math.MaxFloat64}, {2, 2, math.MaxFloat64 / 2}}},
		{"too close", "feature s5: no standard deviation", []row{{1, 1, 1e-200}, {2, 2, 2e-200}}},
		{"no number", "feature bmi: no standard deviation", []row{{math.NaN(), 1, 1}, {2, 2, 2}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := standardize.Fit(test.rows)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestPredict(t *testing.T) {
	s := standardize.New(standardize.Params{Mean: []float64{26, 95, 4.5}, Scale: []float64{4, 10, 0.5}})
	x := []float64{32, 100, 4}
	z, err := s.Predict(t.Context(), x)
	require.NoError(t, err)
	require.Equal(t, []float64{1.5, 0.5, -1}, z)
	require.Equal(t, []float64{32, 100, 4}, x, "the input stays as it is")
}

func TestPredictRefuses(t *testing.T) {
	s := standardize.New(standardize.Params{Mean: []float64{0, -math.MaxFloat64, 0}, Scale: []float64{1, 1, 1e-300}})
	for _, test := range []struct {
		name, want string
		x          []float64
	}{
		{"too few numbers", "2 numbers instead of 3", []float64{1, 2}},
		{"too many numbers", "4 numbers instead of 3", []float64{1, 2, 3, 4}},
		{"a difference that overflows", "[1]: bp is too large to be standardized", []float64{0, math.MaxFloat64, 0}},
		{"a quotient that overflows", "[2]: s5 is too large to be standardized", []float64{0, 0, 1e10}},
		{"no number", "[0]: bmi is too large to be standardized", []float64{math.NaN(), 0, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.Predict(t.Context(), test.x)
			f := fault.From(err)
			require.Equal(t, fault.Invalid, f.Kind)
			require.Equal(t, test.want, f.Public())
		})
	}
}

func TestParams(t *testing.T) {
	s, err := schema.Of[standardize.Params]()
	require.NoError(t, err)
	require.NoError(t, s.Check([]byte(`{"mean":[26,95,4.5],"scale":[4,10,0.5]}`)))
	for content, want := range map[string]string{
		`{"mean":[26,95,4.5],"scale":[4,0,0.5]}`:  "scale[1]",
		`{"mean":[26,95,4.5],"scale":[4,10,-1]}`:  "scale[2]",
		`{"mean":[26,95],"scale":[4,10,0.5]}`:     "mean",
		`{"mean":[26,95,4.5]}`:                    "scale",
		`{"mean":[26,95,4.5],"scale":[1,2,3,4]}`:  "scale",
		`{"mean":[26,null,4.5],"scale":[4,10,1]}`: "mean[1]",
	} {
		require.Equal(t, want, fault.From(s.Check([]byte(content))).Path, content)
	}
}

func TestModel(t *testing.T) {
	d, err := standardize.Model.Describe()
	require.NoError(t, err)
	require.Equal(t, "component-d", d.Model)
	require.Len(t, d.Signature.Inputs, standardize.Features)
	require.Len(t, d.Signature.Outputs, standardize.Features)
}
