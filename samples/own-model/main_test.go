package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/params"
)

func TestConformance(t *testing.T) {
	frameworktest.Function(t, frameworktest.Case{
		Function: Model,
		Bundle:   frameworktest.Bundle(frameworktest.Document(t, "own-model", 1, `{"slope":2,"bias":1}`)),
		Other:    frameworktest.Bundle(frameworktest.Document(t, "own-model", 2, `{"slope":3,"bias":1}`)),
		Examples: []frameworktest.Example{
			{Input: `30`, Output: `61`},
			{Input: `0.5`, Output: `2`},
		},
		Refusals: []frameworktest.Refusal{
			{Input: `"thirty"`, Error: "input: not a number"},
			{Input: `null`, Error: "input: null instead of a number"},
			{Input: `[30]`, Error: "input: not a number"},
		},
	})
}

// TestParams holds that the params of the walk-through are ones.
func TestParams(t *testing.T) {
	data, err := os.ReadFile("own-model.json")
	require.NoError(t, err)
	bundle, err := params.ParseBundle(data)
	require.NoError(t, err)
	_, err = bundle.Set("own-model")
	require.NoError(t, err)
}
