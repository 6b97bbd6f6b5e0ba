package predict_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/predict"
)

func TestSignatureDefaults(t *testing.T) {
	shape := []int{2, 3}
	given := predict.Signature{
		Inputs:  []predict.Value{{Name: "bmi", Unit: "kg/m²", Range: &predict.Range{Min: 18, Max: 42.2}}, {Name: "labs", Datatype: predict.Int64, Shape: shape}},
		Outputs: []predict.Value{{Name: "progression"}},
		Dataset: "diabetes",
	}
	c, err := predict.NewCodec[[]float64, float64](given)
	require.NoError(t, err)
	assert.Equal(t, predict.Signature{
		Inputs: []predict.Value{
			{Name: "bmi", Datatype: predict.Float, Shape: []int{}, Unit: "kg/m²", Range: &predict.Range{Min: 18, Max: 42.2}},
			{Name: "labs", Datatype: predict.Int64, Shape: []int{2, 3}},
		},
		Outputs: []predict.Value{{Name: "progression", Datatype: predict.Float, Shape: []int{}}},
		Dataset: "diabetes",
	}, c.Signature())
	assert.Empty(t, given.Inputs[0].Datatype, "what was given stays as it is")

	_, err = answer(c.Runner(dot), predict.Native, `{"input":[1,2]}`)
	require.EqualError(t, err, "input: has 2 numbers instead of 7", "the values lie one after another")
}

func TestBadSignatures(t *testing.T) {
	one := []predict.Value{{Name: "x"}}
	tests := []struct {
		name string
		s    predict.Signature
		want string
	}{
		{"empty", predict.Signature{}, "signature: inputs: empty; outputs: empty"},
		{"no outputs", predict.Signature{Inputs: one}, "signature: outputs: empty"},
		{"no name", predict.Signature{Inputs: []predict.Value{{}}, Outputs: one}, "signature: inputs[0].name: empty"},
		{"a name twice", predict.Signature{Inputs: []predict.Value{{Name: "x"}, {Name: "x"}}, Outputs: one}, `signature: inputs[1].name: "x" is there twice`},
		{"an unknown datatype", predict.Signature{Inputs: one, Outputs: []predict.Value{{Name: "y", Datatype: "FP8"}}},
			`signature: outputs[0].datatype: "FP8" is none of BOOL, INT64, FP64 and BYTES`},
		{"an open dimension", predict.Signature{Inputs: []predict.Value{{Name: "x", Shape: []int{2, -1}}}, Outputs: one},
			"signature: inputs[0].shape: [2 -1] is not at least 1 in each dimension and at most 16777216 in all"},
		{"a dimension of 0", predict.Signature{Inputs: []predict.Value{{Name: "x", Shape: []int{0}}}, Outputs: one},
			"signature: inputs[0].shape: [0] is not at least 1 in each dimension and at most 16777216 in all"},
		{"a shape that overflows", predict.Signature{Inputs: []predict.Value{{Name: "x", Shape: []int{1 << 32, 1 << 32}}}, Outputs: one},
			"signature: inputs[0].shape: [4294967296 4294967296] is not at least 1 in each dimension and at most 16777216 in all"},
		{"a range the wrong way round", predict.Signature{Inputs: []predict.Value{{Name: "x", Range: &predict.Range{Min: 1}}}, Outputs: one},
			"signature: inputs[0].range: 1 to 0 is not a finite range"},
		{"a range without an end", predict.Signature{Inputs: []predict.Value{{Name: "x", Range: &predict.Range{Max: math.Inf(1)}}}, Outputs: one},
			"signature: inputs[0].range: 0 to +Inf is not a finite range"},
		{"a range of NaN", predict.Signature{Inputs: []predict.Value{{Name: "x", Range: &predict.Range{Min: math.NaN()}}}, Outputs: one},
			"signature: inputs[0].range: NaN to 0 is not a finite range"},
		{"more outputs than the type has", predict.Signature{Inputs: one, Outputs: []predict.Value{{Name: "y", Shape: []int{2}}}},
			"output: the signature has 2 numbers, and the type one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := predict.NewCodec[[]float64, float64](tt.s)
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestBadTypes(t *testing.T) {
	_, err := predict.NewCodec[chan int, float64](threeNumbers)
	require.EqualError(t, err, "input: schema of chan int: a chan int has no JSON form")
	_, err = predict.NewCodec[[]float64, func()](threeNumbers)
	require.EqualError(t, err, "output: schema of func(): a func() has no JSON form")
}
