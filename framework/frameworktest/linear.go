package frameworktest

import (
	"context"
	"testing"

	"github.com/modelfn/modelfn/framework"
)

// Weights are the params of [Linear].
type Weights struct {
	Weights []float64 `json:"weights" len:"2"`
	Bias    float64   `json:"bias"`
}

// Linear is a small function for tests: a weighted sum of two numbers, which the
// component [Scale] has scaled before.
var Linear = framework.Model[Weights, []float64, float64]{
	Name:        "linear",
	Description: "A weighted sum of two scaled numbers.",
	Signature: framework.Signature{
		Inputs:  []framework.Value{{Name: "x", Shape: []int{2}}},
		Outputs: []framework.Value{{Name: "y"}},
	},
	Build: func(_ context.Context, w Weights, deps *framework.Deps) (framework.Predictor[[]float64, float64], error) {
		scale, err := framework.Use[[]float64, []float64](deps, "scale")
		return linear{w, scale}, err
	},
}

type linear struct {
	Weights
	scale framework.Predictor[[]float64, []float64]
}

func (l linear) Predict(ctx context.Context, in []float64) (float64, error) {
	x, err := l.scale.Predict(ctx, in)
	if err != nil {
		return 0, err
	}
	y := l.Bias
	for i, w := range l.Weights.Weights {
		y += w * x[i]
	}
	return y, nil
}

// Factor is the params of [Scale].
type Factor struct {
	Factor float64 `json:"factor"`
}

// Scale is a small component for tests: it multiplies two numbers by a factor.
var Scale = framework.Model[Factor, []float64, []float64]{
	Name: "scale",
	Signature: framework.Signature{
		Inputs:  []framework.Value{{Name: "x", Shape: []int{2}}},
		Outputs: []framework.Value{{Name: "x", Shape: []int{2}}},
	},
	Build: func(_ context.Context, f Factor, _ *framework.Deps) (framework.Predictor[[]float64, []float64], error) {
		return scale(f.Factor), nil
	},
}

type scale float64

func (s scale) Predict(_ context.Context, in []float64) ([]float64, error) {
	return []float64{float64(s) * in[0], float64(s) * in[1]}, nil
}

// LinearCase is the case of [Linear], for tests of what serves functions.
func LinearCase(t testing.TB) Case {
	half, double := Document(t, "scale", 3, `{"factor":0.5}`), Document(t, "scale", 4, `{"factor":2}`)
	return Case{
		Function:   Linear,
		Components: []framework.Function{Scale},
		Bundle:     Bundle(Document(t, "linear", 7, `{"weights":[1,10],"bias":0.25}`, half), half),
		Other:      Bundle(Document(t, "linear", 8, `{"weights":[-1,10],"bias":0.25}`, double), double),
		Examples:   []Example{{`[2,4]`, `21.25`}, {`[0,0]`, `0.25`}, {`[-3,1]`, `3.75`}, {`[1e20,-1e19]`, `0`}},
		Refusals:   VectorRefusals(2),
	}
}
