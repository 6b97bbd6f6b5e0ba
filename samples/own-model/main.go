// A model of your own: a line through the data, in thirty lines.
package main

import (
	"context"

	"github.com/modelfn/modelfn/framework"
)

// Params are what the model is fitted by. They are their own predictor.
type Params struct {
	Slope float64 `json:"slope" doc:"the rise of the progression with each kg/m²"`
	Bias  float64 `json:"bias" doc:"the progression at a body mass index of 0"`
}

// Predict returns the progression for a body mass index.
func (p Params) Predict(_ context.Context, bmi float64) (float64, error) {
	return p.Bias + p.Slope*bmi, nil
}

// Model is the function: what goes in and out, and how params become a predictor.
var Model = framework.Model[Params, float64, float64]{
	Name: "own-model",
	Signature: framework.Signature{
		Inputs:  []framework.Value{{Name: "bmi", Unit: "kg/m²"}},
		Outputs: []framework.Value{{Name: "progression"}},
	},
	Build: func(_ context.Context, p Params, _ *framework.Deps) (framework.Predictor[float64, float64], error) {
		return p, nil
	},
}

func main() { framework.Main(Model) }
