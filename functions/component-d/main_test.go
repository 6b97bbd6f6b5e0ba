package main

import (
	"testing"

	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/gcf/gcftest"
	"github.com/modelfn/modelfn/functions/standardize"
)

func TestConformance(t *testing.T) { frameworktest.Function(t, contract(t)) }

// TestFunctionsFramework: the HTTP contract holds behind functions-framework-go.
func TestFunctionsFramework(t *testing.T) {
	c := contract(t)
	c.Serve = gcftest.Serve
	frameworktest.Handler(t, c)
}

func contract(t *testing.T) frameworktest.Case {
	bundle := frameworktest.Bundle(frameworktest.Document(t, "component-d", 3, `{"mean":[25,95,4.5],"scale":[4,16,0.5]}`))
	other := frameworktest.Bundle(frameworktest.Document(t, "component-d", 4, `{"mean":[25,95,4.5],"scale":[2,16,0.5]}`))
	return frameworktest.Case{
		Function: standardize.Model,
		Bundle:   bundle,
		Other:    other,
		Examples: []frameworktest.Example{
			{Input: `[29,111,5]`, Output: `[1,1,1]`},
			{Input: `[25,95,4.5]`, Output: `[0,0,0]`},
			{Input: `[17,79,5.5]`, Output: `[-2,-1,2]`},
		},
		Refusals: frameworktest.VectorRefusals(standardize.Features),
	}
}
