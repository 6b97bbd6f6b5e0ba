// Package quantile is the library behind the models A, B and C: linear quantile
// regression (R. Koenker, G. Bassett, "Regression Quantiles", Econometrica 46,
// 1978) on the output of component D.
//
// The prediction is bias + Σ wᵢ zᵢ, where z are the standardized features: the
// value that a share of about Quantile of the patients like this one stays below.
package quantile

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/predict"
	"github.com/modelfn/modelfn/functions/standardize"
)

// Params are the coefficients of one quantile.
type Params struct {
	Weights  []float64 `json:"weights" len:"3" doc:"the coefficients of bmi, bp and s5, standardized: the change of the prediction per standard deviation"`
	Bias     float64   `json:"bias" doc:"the prediction for a patient with the mean of every feature"`
	Quantile float64   `json:"quantile" above:"0" below:"1" doc:"the share of patients that the prediction is to be above"`
}

// component is what the features are standardized by.
const component = "component-d"

// Model returns the model of that name. All of them have the same code; what they
// predict is in their params.
func Model(name string) framework.Model[Params, []float64, float64] {
	return framework.Model[Params, []float64, float64]{
		Name:        name,
		Description: "Predicts a quantile of the progression of diabetes one year on, from body mass index, blood pressure and triglycerides.",
		Signature: framework.Signature{
			Inputs: standardize.Inputs(),
			Outputs: []framework.Value{{
				Name: "progression", Range: &framework.Range{Min: 25, Max: 346},
				Description: "a measure of the disease's progression after one year",
			}},
			Dataset: "diabetes",
		},
		Build: func(_ context.Context, p Params, deps *framework.Deps) (framework.Predictor[[]float64, float64], error) {
			features, err := framework.Use[[]float64, []float64](deps, component)
			if err != nil {
				return nil, err
			}
			return New(p, features), nil
		},
	}
}

// Regression predicts one quantile. It is immutable and safe for concurrent use.
type Regression struct {
	features framework.Predictor[[]float64, []float64]
	weights  [standardize.Features]float64
	bias     float64
}

// New returns the regression for params that fit their tags, on what standardizes
// the features.
func New(p Params, features framework.Predictor[[]float64, []float64]) *Regression {
	r := &Regression{features: features, bias: p.Bias}
	copy(r.weights[:], p.Weights)
	return r
}

// Predict returns the quantile for the features x.
func (r *Regression) Predict(ctx context.Context, x []float64) (float64, error) {
	z, err := r.features.Predict(ctx, x)
	if err != nil {
		return 0, err
	}
	return r.at(z)
}

// PredictBatch returns the quantile for each of many inputs. Wherever component D
// runs, it is asked once.
func (r *Regression) PredictBatch(ctx context.Context, xs [][]float64) ([]float64, error) {
	zs, err := predict.Batch(ctx, r.features, xs)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(zs))
	for i, z := range zs {
		if out[i], err = r.at(z); err != nil {
			if f := fault.From(err); f.Kind == fault.Invalid {
				err = f.Under(fmt.Sprintf("[%d]", i))
			}
			return nil, err
		}
	}
	return out, nil
}

// at returns the quantile at standardized features.
func (r *Regression) at(z []float64) (float64, error) {
	if len(z) != len(r.weights) {
		return 0, errors.New("component D gave another number of features")
	}
	y := r.bias
	for i, w := range r.weights {
		y += float64(w * z[i]) // not fused with the addition: the same bits on every processor
	}
	if math.IsNaN(y) || math.IsInf(y, 0) {
		return 0, fault.New(fault.Invalid, "too large for a finite prediction")
	}
	return y, nil
}
