package predict_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/predict"
)

// patient is an input with names.
type patient struct {
	BMI  float64   `json:"bmi" min:"10" max:"100"`
	Sex  string    `json:"sex" enum:"f,m"`
	Labs []float64 `json:"labs,omitzero" maxlen:"2"`
}

func TestOtherTypes(t *testing.T) {
	type result struct {
		Low  float64            `json:"low"`
		High float64            `json:"high"`
		By   map[string]float64 `json:"by,omitzero"`
	}
	structs := runner(t, threeNumbers, predictorFunc[patient, result](func(_ context.Context, p patient) (result, error) {
		return result{Low: p.BMI - 1, High: p.BMI * 1e17}, nil
	}))
	tests := []struct {
		name string
		r    predict.Runner
		body string
		want string // the answer, or what is wrong
	}{
		{"a struct", structs, `{"input":{"bmi":20,"sex":"f"}}`, `{"output":{"low":19,"high":2e+18}}`},
		{"many structs", structs, `{"inputs":[{"bmi":20,"sex":"f"},{"bmi":21,"sex":"m","labs":[]}]}`,
			`{"outputs":[{"low":19,"high":2e+18},{"low":20,"high":2.1e+18}]}`},
		{"all that is wrong with a struct", structs, `{"input":{"bmi":200,"labs":[1,null,3],"age":7}}`,
			`input.bmi: 200 is not at least 10 and at most 100; input.labs[1]: null instead of a number; input.labs: has 3 items, at most 2 are allowed; input.age: unknown field; input.sex: missing`},
		{"where among many structs", structs, `{"inputs":[{"bmi":20,"sex":"f"},{"bmi":"20"}]}`, `inputs[1].bmi: not a number; inputs[1].sex: missing`},
		{"a name that is there twice", structs, `{"inputs":[{"bmi":20,"bmi":20}]}`, `inputs[0].bmi: there twice`},
		{"broken JSON inside", structs, `{"inputs":[{"bmi":20,}]}`, `inputs[0]: not valid JSON: invalid character '}' at start of string (expecting '"')`},
		{"null for a struct", structs, `{"input":null}`, `input: null instead of an object`},
		{"a string", echo[string](t), `{"input":"a\u0062\n"}`, `{"output":"ab\n"}`},
		{"not a string", echo[string](t), `{"inputs":["a",1]}`, `inputs[1]: not a string`},
		{"a boolean", echo[bool](t), `{"inputs":[true,false]}`, `{"outputs":[true,false]}`},
		{"an integer", echo[int](t), `{"inputs":[1,-9007199254740992]}`, `{"outputs":[1,-9007199254740992]}`},
		{"not an integer", echo[int](t), `{"inputs":[1,2.5]}`, `inputs[1]: not an integer`},
		{"a number", echo[float64](t), `{"input":4.5}`, `{"output":4.5}`},
		{"a matrix", echo[[][]float64](t), `{"input":[[1,2],[],[3]]}`, `{"output":[[1,2],[],[3]]}`},
		{"not a matrix", echo[[][]float64](t), `{"input":[[1,2],[null]]}`, `input[1][0]: null instead of a number`},
		{"integers", echo[[]int](t), `{"input":[1,2]}`, `{"output":[1,2]}`},
		{"a map", echo[map[string]float64](t), `{"input":{"a":-0.5}}`, `{"output":{"a":-0.5}}`},
		{"a pointer", echo[*patient](t), `{"input":{"bmi":20,"sex":"f"}}`, `{"output":{"bmi":20,"sex":"f"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := answer(tt.r, predict.Native, tt.body)
			if err != nil {
				got = err.Error()
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// TestModelsMistakes holds that what a model does wrong is told to the log, and
// never to the caller.
func TestModelsMistakes(t *testing.T) {
	gives := func(out float64, err error) predict.Runner {
		return runner(t, threeNumbers, predictorFunc[[]float64, float64](func(context.Context, []float64) (float64, error) { return out, err }))
	}
	type result struct {
		P float64 `json:"p"`
	}
	two := threeNumbers
	two.Outputs = []predict.Value{{Name: "a"}, {Name: "b"}}
	vector := func(out ...float64) predict.Runner {
		return runner(t, two, predictorFunc[[]float64, []float64](func(context.Context, []float64) ([]float64, error) { return out, nil }))
	}
	object := runner(t, threeNumbers, predictorFunc[[]float64, result](func(context.Context, []float64) (result, error) { return result{math.NaN()}, nil }))
	text := runner(t, threeNumbers, predictorFunc[[]float64, string](func(context.Context, []float64) (string, error) { return "\xff", nil }))
	tests := []struct {
		name string
		r    predict.Runner
		want string // in the log
	}{
		{"NaN", gives(math.NaN(), nil), "not finite"},
		{"infinity", gives(math.Inf(-1), nil), "not finite"},
		{"a NaN in a vector", vector(1, math.NaN()), "not finite"},
		{"a NaN in a struct", object, "writing JSON: "},
		{"invalid UTF-8", text, "writing JSON: "},
		{"too few numbers", vector(1), "the model gave 1 numbers instead of 2"},
		{"too many numbers", vector(1, 2, 3), "the model gave 3 numbers instead of 2"},
		{"an error of its own", gives(0, errors.New("inner secret")), "inner secret"},
	}
	for _, tt := range tests {
		for _, body := range []string{`{"input":[1,2,3]}`, `{"inputs":[[1,2,3],[1,2,3]]}`} {
			t.Run(tt.name, func(t *testing.T) {
				_, err := answer(tt.r, predict.Native, body)
				require.ErrorContains(t, err, tt.want)
				f := fault.From(err)
				assert.Equal(t, fault.Internal, f.Kind)
				assert.Equal(t, "internal error", f.Public())
			})
		}
	}
}

// TestModelsRefusals holds that a model can refuse an input as the framework does.
func TestModelsRefusals(t *testing.T) {
	refuse := predictorFunc[[]float64, float64](func(_ context.Context, in []float64) (float64, error) {
		if in[1] < 0 {
			return 0, fmt.Errorf("looking at it: %w", fault.Field("[1]", "below 0"))
		}
		return 0, nil
	})
	r := runner(t, threeNumbers, refuse)
	_, err := answer(r, predict.Native, `{"input":[1,-2,3]}`)
	require.EqualError(t, err, "input[1]: below 0")
	_, err = answer(r, predict.Native, `{"inputs":[[1,2,3],[1,-2,3]]}`)
	require.EqualError(t, err, "inputs[1][1]: below 0")
	_, err = answer(r, predict.V1, `{"instances":[[1,2,3],[1,-2,3]]}`)
	require.EqualError(t, err, "instances[1][1]: below 0")

	away := predictorFunc[[]float64, float64](func(context.Context, []float64) (float64, error) {
		return 0, fault.Away(1, nil, "component d is not available")
	})
	_, err = answer(runner(t, threeNumbers, away), predict.Native, `{"inputs":[[1,2,3]]}`)
	assert.Equal(t, fault.Unavailable, fault.From(err).Kind)
	assert.Equal(t, "component d is not available", fault.From(err).Public(), "it is not about the input")
}

// batcher is a predictor that answers in one go.
type batcher struct {
	predictorFunc[[]float64, float64]
	batch func([][]float64) ([]float64, error)
}

func (b batcher) PredictBatch(_ context.Context, in [][]float64) ([]float64, error) {
	return b.batch(in)
}

func TestBatch(t *testing.T) {
	one := predictorFunc[[]float64, float64](func(context.Context, []float64) (float64, error) { return 1, nil })
	with := func(out []float64, err error) predict.Runner {
		return runner(t, threeNumbers, batcher{one, func(in [][]float64) ([]float64, error) {
			assert.NotEmpty(t, in, "a batch has an input")
			return out, err
		}})
	}
	t.Run("many inputs are answered in one go", func(t *testing.T) {
		got, err := answer(with([]float64{7, 8}, nil), predict.V1, `{"instances":[[1,2,3],[4,5,6]]}`)
		require.NoError(t, err)
		assert.JSONEq(t, `{"predictions":[7,8]}`, got)
	})
	t.Run("one is not", func(t *testing.T) {
		got, err := answer(with([]float64{7}, nil), predict.Native, `{"input":[1,2,3]}`)
		require.NoError(t, err)
		assert.Equal(t, `{"output":1}`, got)
	})
	t.Run("none are answered without the model", func(t *testing.T) {
		got, err := answer(with(nil, nil), predict.Native, `{"inputs":[]}`)
		require.NoError(t, err)
		assert.JSONEq(t, `{"outputs":[]}`, got)
	})
	t.Run("another number of outputs is the model's mistake", func(t *testing.T) {
		_, err := answer(with([]float64{7}, nil), predict.Native, `{"inputs":[[1,2,3],[4,5,6]]}`)
		require.EqualError(t, err, "the model gave 1 outputs for 2 inputs")
		assert.Equal(t, fault.Internal, fault.From(err).Kind)
	})
	t.Run("it refuses with a path among the inputs", func(t *testing.T) {
		_, err := answer(with(nil, fault.Field("[1][2]", "below 0")), predict.Native, `{"inputs":[[1,2,3],[4,5,6]]}`)
		require.EqualError(t, err, "inputs[1][2]: below 0")
	})
	t.Run("one by one ends with the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		_, err := predict.Batch(ctx, predictorFunc[int, int](func(context.Context, int) (int, error) {
			calls++
			cancel()
			return 0, nil
		}), []int{1, 2, 3})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, calls)
	})
	t.Run("an error says of which input", func(t *testing.T) {
		_, err := predict.Batch(context.Background(), predictorFunc[int, int](func(_ context.Context, in int) (int, error) {
			if in == 2 {
				return 0, errors.New("no")
			}
			return in, nil
		}), []int{1, 2, 3})
		require.EqualError(t, err, "input 1: no")
	})
}

func TestTheContextReachesThePredictor(t *testing.T) {
	type key struct{}
	r := runner(t, threeNumbers, predictorFunc[[]float64, float64](func(ctx context.Context, _ []float64) (float64, error) {
		return ctx.Value(key{}).(float64), nil
	}))
	got, err := r.Answer(context.WithValue(context.Background(), key{}, 7.), predict.Native, nil, []byte(`{"input":[1,2,3]}`))
	require.NoError(t, err)
	assert.Equal(t, `{"output":7}`, string(got))
}

func TestPredictorIsTheOneGiven(t *testing.T) {
	p := &batcher{}
	assert.Same(t, p, runner[[]float64, float64](t, threeNumbers, p).Predictor())
}
