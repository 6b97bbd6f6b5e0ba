package predict_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/predict"
)

// predictorFunc is a predictor made of a function.
type predictorFunc[I, O any] func(context.Context, I) (O, error)

func (f predictorFunc[I, O]) Predict(ctx context.Context, in I) (O, error) { return f(ctx, in) }

func dotOf(in []float64) float64 { return 2*in[0] + 3*in[1] - in[2] }

var (
	// dot is a predictor from three numbers to one.
	dot = predictorFunc[[]float64, float64](func(_ context.Context, in []float64) (float64, error) { return dotOf(in), nil })

	threeNumbers = predict.Signature{
		Inputs:  []predict.Value{{Name: "x", Shape: []int{3}}},
		Outputs: []predict.Value{{Name: "y"}},
	}
)

func runner[I, O any](t testing.TB, s predict.Signature, p predict.Predictor[I, O]) predict.Runner {
	t.Helper()
	c, err := predict.NewCodec[I, O](s)
	require.NoError(t, err)
	return c.Runner(p)
}

// echo returns a runner that answers an input with itself.
func echo[T any](t testing.TB) predict.Runner {
	t.Helper()
	return runner(t, threeNumbers, predictorFunc[T, T](func(_ context.Context, in T) (T, error) { return in, nil }))
}

func answer(r predict.Runner, f *predict.Format, body string) (string, error) {
	out, err := r.Answer(context.Background(), f, nil, []byte(body))
	return string(out), err
}

func ExampleRunner() {
	codec, err := predict.NewCodec[[]float64, float64](predict.Signature{
		Inputs:  []predict.Value{{Name: "bmi"}, {Name: "bp"}, {Name: "s5"}},
		Outputs: []predict.Value{{Name: "progression"}},
	})
	if err != nil {
		panic(err)
	}
	r := codec.Runner(dot)
	for _, body := range []string{
		`{"input": [1, 2, 3]}`,
		`{"inputs": [[1, 2, 3], [0, 0, 0.5]]}`,
		`{"input": [1, 2, "three"]}`,
	} {
		out, err := r.Answer(context.Background(), predict.Native, nil, []byte(body))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(string(out))
	}
	// Output:
	// {"output":5}
	// {"outputs":[5,-0.5]}
	// input[2]: not a number
}

func TestAnswers(t *testing.T) {
	r := runner(t, threeNumbers, dot)
	tests := []struct {
		name   string
		format *predict.Format
		body   string
		want   string
	}{
		{"one input", predict.Native, `{"input":[1,2,3]}`, `{"output":5}`},
		{"many inputs", predict.Native, `{"inputs":[[1,2,3],[0,0,-1.5]]}`, `{"outputs":[5,1.5]}`},
		{"no inputs", predict.Native, `{"inputs":[]}`, `{"outputs":[]}`},
		{"white space", predict.Native, " {\n\t\"input\" : [ 1 , 2 , 3 ]\r\n} ", `{"output":5}`},
		{"an escaped name", predict.Native, `{"\u0069nput":[1,2,3]}`, `{"output":5}`},
		{"exponents and signs", predict.Native, `{"input":[1e0,2.0E+0,-0]}`, `{"output":8}`},
		{"the largest exact integer", predict.Native, `{"input":[9007199254740992,0,9007199254740992]}`, `{"output":9007199254740992}`},
		{"an answer beyond it, in a form that can be sent back", predict.Native, `{"input":[1e17,0,0]}`, `{"output":2e+17}`},
		{"instances", predict.V1, `{"instances":[[1,2,3],[0,0,0]]}`, `{"predictions":[5,0]}`},
		{"inputs for instances", predict.V1, `{"inputs":[[1,2,3]]}`, `{"predictions":[5]}`},
		{"no instances", predict.V1, `{"instances":[]}`, `{"predictions":[]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := answer(r, tt.format, tt.body)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
	t.Run("the answer is appended", func(t *testing.T) {
		got, err := r.Answer(context.Background(), predict.Native, []byte("x"), []byte(`{"input":[1,2,3]}`))
		require.NoError(t, err)
		assert.Equal(t, `x{"output":5}`, string(got))
	})
	t.Run("minus zero comes in as zero", func(t *testing.T) {
		sign := predictorFunc[[]float64, float64](func(_ context.Context, in []float64) (float64, error) {
			return math.Copysign(1, in[0]), nil
		})
		got, err := answer(runner(t, threeNumbers, sign), predict.Native, `{"input":[-0.0,2,3]}`)
		require.NoError(t, err)
		assert.Equal(t, `{"output":1}`, got)
	})
}

// TestRefusals has the text of every refusal as a person reads it.
func TestRefusals(t *testing.T) {
	r := runner(t, threeNumbers, dot)
	tests := []struct {
		name   string
		format *predict.Format
		body   string
		want   string
	}{
		{"no body", predict.Native, ``, `the body is empty; it has to be a JSON object with input or inputs`},
		{"only white space", predict.V1, " \n", `the body is empty; it has to be a JSON object with instances`},
		{"a bare array", predict.Native, `[1,2,3]`, `the body is not a JSON object with input or inputs`},
		{"a bare null", predict.V1, `null`, `the body is not a JSON object with instances`},
		{"no JSON", predict.Native, `input=1`, `not valid JSON: invalid character 'i' at start of value`},
		{"an empty object", predict.Native, `{}`, `input or inputs: missing`},
		{"an empty object", predict.V1, `{}`, `instances: missing`},
		{"an unknown field", predict.Native, `{"imput":[1,2,3]}`, `imput: unknown field; the body has input or inputs`},
		{"an unknown field beside the input", predict.Native, `{"input":[1,2,3],"id":"7"}`, `id: unknown field; the body has input or inputs`},
		{"another case", predict.Native, `{"Input":[1,2,3]}`, `Input: unknown field; the body has input or inputs`},
		{"the name of another format", predict.Native, `{"instances":[[1,2,3]]}`, `instances: unknown field; the body has input or inputs`},
		{"the name of another format", predict.V1, `{"input":[1,2,3]}`, `input: unknown field; the body has instances`},
		{"an escaped unknown name", predict.Native, `{"a\"\u0000":1}`, "a\"\x00: unknown field; the body has input or inputs"},
		{"an empty name", predict.Native, `{"":1}`, `unknown field; the body has input or inputs`},
		{"one and many", predict.Native, `{"input":[1,2,3],"inputs":[[1,2,3]]}`, `inputs: cannot come together with input`},
		{"many and one", predict.Native, `{"inputs":[],"input":[1,2,3]}`, `input: cannot come together with inputs`},
		{"both names of many", predict.V1, `{"inputs":[],"instances":[]}`, `instances: cannot come together with inputs`},
		{"the same name twice", predict.Native, `{"input":[1,2,3],"input":[1,2,3]}`, `input: there twice`},
		{"the same name in another writing", predict.Native, `{"input":[1,2,3],"\u0069nput":[1,2,3]}`, `input: there twice`},

		{"null for the input", predict.Native, `{"input":null}`, `input: null instead of an array of numbers`},
		{"a number for the input", predict.Native, `{"input":1}`, `input: not an array of numbers`},
		{"an object for the input", predict.Native, `{"input":{"bmi":1}}`, `input: not an array of numbers`},
		{"null for the inputs", predict.Native, `{"inputs":null}`, `inputs: null instead of an array of inputs`},
		{"an object for the inputs", predict.V1, `{"instances":{}}`, `instances: not an array of inputs`},
		{"one input as many", predict.Native, `{"inputs":[1,2,3]}`, `inputs[0]: not an array of numbers`},
		{"many inputs as one", predict.Native, `{"input":[[1,2,3]]}`, `input[0]: not a number`},
		{"null for a number", predict.Native, `{"input":[1,null,3]}`, `input[1]: null instead of a number`},
		{"a string for a number", predict.Native, `{"input":[1,2,"3"]}`, `input[2]: not a number`},
		{"true for a number", predict.Native, `{"input":[true,2,3]}`, `input[0]: not a number`},
		{"an item of an item", predict.Native, `{"inputs":[[1,2,3],[1,{},3]]}`, `inputs[1][1]: not a number`},
		{"an item of an instance", predict.V1, `{"instances":[[1,2,3],[1,2,null]]}`, `instances[1][2]: null instead of a number`},
		{"the path has the name that was used", predict.V1, `{"inputs":[[]]}`, `inputs[0]: has 0 numbers instead of 3`},
		{"too few numbers", predict.Native, `{"input":[1,2]}`, `input: has 2 numbers instead of 3`},
		{"too many numbers", predict.Native, `{"inputs":[[1,2,3],[1,2,3,4,5]]}`, `inputs[1]: has 5 numbers instead of 3`},
		{"a number out of range", predict.Native, `{"input":[1,1e400,3]}`, `input[1]: out of range for a 64-bit number`},
		{"a number that would become 0", predict.Native, `{"input":[1,2,-1e-400]}`, `input[2]: too small for a 64-bit number`},
		{"an integer that is not exact", predict.Native, `{"input":[9007199254740993,2,3]}`, `input[0]: an integer beyond ±2^53 is not exact`},
		{"a bad number after too many", predict.Native, `{"input":[1,2,3,1e999]}`, `input[3]: out of range for a 64-bit number`},

		{"NaN", predict.Native, `{"input":[1,NaN,3]}`, `input[1]: not valid JSON: invalid character 'N' at start of value`},
		{"Infinity", predict.Native, `{"input":[1,2,-Infinity]}`, `input[2]: not valid JSON: invalid character 'I' in number (expecting digit)`},
		{"a hexadecimal number", predict.Native, `{"input":[0x10,2,3]}`, `input: not valid JSON: invalid character 'x' after array element (expecting ',' or ']')`},
		{"a plus sign", predict.Native, `{"input":[+1,2,3]}`, `input[0]: not valid JSON: invalid character '+' at start of value`},
		{"a name without quotes", predict.Native, `{input:[1,2,3]}`, `not valid JSON: invalid character 'i' at start of value`},
		{"an end too early", predict.Native, `{"input":[1,2`, `input: not valid JSON: it ends too early`},
		{"an end before the value", predict.Native, `{"inputs":[[1,2,3],`, `inputs: not valid JSON: it ends too early`},
		{"an end before the last brace", predict.Native, `{"input":[1,2,3]`, `not valid JSON: it ends too early`},
		{"the wrong bracket", predict.Native, `{"input":[1,2,3}]`, `input: not valid JSON: invalid character '}' after array element (expecting ',' or ']')`},
		{"the wrong bracket in many", predict.Native, `{"inputs":[[1,2,3]}]`, `inputs: not valid JSON: invalid character '}' after array element (expecting ',' or ']')`},
		{"a comma too many", predict.Native, `{"input":[1,2,3],}`, `not valid JSON: invalid character ',' at start of value`},
		{"a second value", predict.Native, `{"input":[1,2,3]}{"input":[1,2,3]}`, `not valid JSON: there is more than one value`},
		{"rubbish at the end", predict.Native, `{"input":[1,2,3]}x`, `not valid JSON: invalid character 'x' at start of value`},
		{"a byte order mark", predict.Native, "\ufeff{\"input\":[1,2,3]}", "not valid JSON: invalid character '\\ufeff' at start of value"},
		{"invalid UTF-8 in a name", predict.Native, "{\"\xff\":1}", `not valid JSON: invalid UTF-8`},
		{"invalid UTF-8 in the input", predict.Native, "{\"input\":\"\xff\"}", `input: not valid JSON: invalid UTF-8`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := answer(r, tt.format, tt.body)
			require.Error(t, err)
			assert.Empty(t, got)
			f := fault.From(err)
			assert.Equal(t, fault.Invalid, f.Kind)
			assert.Equal(t, tt.want, f.Public())
		})
	}
}

func TestHostileBodies(t *testing.T) {
	const size = 1 << 20
	fill := func(head, unit, tail string) string {
		return head + strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)) + tail
	}
	type free struct {
		Any any `json:"any"`
	}
	vector, open := runner(t, threeNumbers, dot), echo[free](t)
	for name, body := range map[string]string{
		"brackets":          fill("", "[", ""),
		"braces":            fill("", `{"a":`, ""),
		"brackets inside":   fill(`{"input":`, "[", ""),
		"brackets in many":  fill(`{"inputs":`, "[", ""),
		"brackets, closed":  fill(`{"input":`, "[", strings.Repeat("]", size/2)),
		"empty inputs":      fill(`{"inputs":[[]`, ",[]", "]}"),
		"nulls":             fill(`{"inputs":[null`, ",null", "]}"),
		"too many numbers":  fill(`{"input":[0`, ",0", "]}"),
		"a long number":     fill(`{"input":[1`, "0", ",2,3]}"),
		"a long name":       fill(`{"`, `\n`, `":1}`),
		"a long string":     fill(`{"input":"`, "x", `"}`),
		"white space":       fill(`{"input":`, " ", ""),
		"an open any":       fill(`{"input":{"any":`, `{"a":[`, ""),
		"numbers in an any": fill(`{"input":{"any":[[[1`, ",1e999", "]]]}}"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []predict.Runner{vector, open} {
				for _, f := range []*predict.Format{predict.Native, predict.V1} {
					_, err := answer(r, f, body)
					require.Error(t, err)
					public := fault.From(err)
					assert.Equal(t, fault.Invalid, public.Kind)
					assert.Less(t, len(public.Public()), 15_000)
				}
			}
		})
	}
	t.Run("a body full of good inputs", func(t *testing.T) {
		got, err := answer(vector, predict.Native, fill(`{"inputs":[[1,2,3]`, ",[1,2,3]", "]}"))
		require.NoError(t, err)
		assert.Equal(t, 131070, strings.Count(got, "5"))
	})
}
