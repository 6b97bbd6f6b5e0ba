// Package standardize is component D: it puts features on one scale, so that the
// models behind it see numbers of the same size whatever their units are.
//
// Feature i becomes (xᵢ − meanᵢ) / scaleᵢ, where mean and scale are the mean and
// the population standard deviation of the training data.
package standardize

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/fault"
)

// Features is the number of features.
const Features = 3

// Params are the location and the spread of each feature, in the order bmi, bp, s5.
type Params struct {
	Mean  []float64 `json:"mean" len:"3" doc:"the means of bmi (kg/m²), bp (mmHg) and s5 (ln(mg/dl)) in the training data"`
	Scale []float64 `json:"scale" len:"3" above:"0" doc:"their population standard deviations there, each in its feature's unit"`
}

// Inputs describes the features: what the sample models take.
func Inputs() []framework.Value {
	return []framework.Value{
		{Name: "bmi", Range: &framework.Range{Min: 18, Max: 42.2}, Unit: "kg/m²", Description: "body mass index"},
		{Name: "bp", Range: &framework.Range{Min: 62, Max: 133}, Unit: "mmHg", Description: "average blood pressure"},
		{Name: "s5", Range: &framework.Range{Min: 3.2581, Max: 6.107}, Unit: "ln(mg/dl)", Description: "logarithm of the serum triglycerides level"},
	}
}

// Model is component D.
var Model = framework.Model[Params, []float64, []float64]{
	Name:        "component-d",
	Description: "Standardizes bmi, bp and s5: how many standard deviations each is above its mean.",
	Signature: framework.Signature{
		Inputs: Inputs(),
		Outputs: []framework.Value{
			{Name: "bmi", Unit: "standard deviations", Description: "body mass index, standardized"},
			{Name: "bp", Unit: "standard deviations", Description: "average blood pressure, standardized"},
			{Name: "s5", Unit: "standard deviations", Description: "serum triglycerides, standardized"},
		},
		Dataset: "diabetes",
	},
	Build: func(_ context.Context, p Params, _ *framework.Deps) (framework.Predictor[[]float64, []float64], error) {
		return New(p), nil
	},
}

// Standardizer standardizes features. It is immutable and safe for concurrent use.
type Standardizer struct{ mean, scale [Features]float64 }

// New returns the standardizer for params that fit their tags.
func New(p Params) *Standardizer {
	s := &Standardizer{}
	copy(s.mean[:], p.Mean)
	copy(s.scale[:], p.Scale)
	return s
}

// Predict returns the standardized features of x, which has one number for each.
func (s *Standardizer) Predict(_ context.Context, x []float64) ([]float64, error) {
	if len(x) != Features {
		return nil, fault.New(fault.Invalid, "%d numbers instead of %d", len(x), Features)
	}
	z := make([]float64, Features)
	for i := range z {
		z[i] = (x[i] - s.mean[i]) / s.scale[i]
		if !finite(z[i]) {
			return nil, fault.Field(fmt.Sprintf("[%d]", i), "%s is too large to be standardized", Inputs()[i].Name)
		}
	}
	return z, nil
}

// Fit returns the params for rows of training data. It fails, with the feature's
// name, if one is the same in every row, as it then has no scale, or if its numbers
// are too large or too close to each other for 64-bit arithmetic.
func Fit(rows [][Features]float64) (Params, error) {
	if len(rows) == 0 {
		return Params{}, errors.New("no rows to standardize by")
	}
	p := Params{Mean: make([]float64, Features), Scale: make([]float64, Features)}
	for i := range Features {
		var err error
		if p.Mean[i], p.Scale[i], err = fit(rows, i); err != nil {
			return Params{}, fmt.Errorf("feature %s: %w", Inputs()[i].Name, err)
		}
	}
	return p, nil
}

// fit returns the mean and the population standard deviation of a feature.
func fit(rows [][Features]float64, i int) (mean, scale float64, err error) {
	n := float64(len(rows))
	low, high := rows[0][i], rows[0][i]
	for _, row := range rows {
		mean += row[i]
		low, high = min(low, row[i]), max(high, row[i])
	}
	if low == high { // not by the scale: the mean may be rounded, and then that is not 0
		return 0, 0, fmt.Errorf("%v in every row", low)
	}
	mean /= n
	var squares float64
	for _, row := range rows {
		d := row[i] - mean
		squares += float64(d * d) // not fused with the addition: the same bits on every processor
	}
	scale = math.Sqrt(squares / n)
	if !finite(scale) || scale == 0 {
		return 0, 0, fmt.Errorf("no standard deviation can be computed for numbers from %v to %v", low, high)
	}
	return mean, scale, nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
