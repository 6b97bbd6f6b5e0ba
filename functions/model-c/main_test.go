package main

import (
	"testing"

	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/gcf/gcftest"
	"github.com/modelfn/modelfn/functions/quantile/quantiletest"
)

func TestConformance(t *testing.T) { frameworktest.Function(t, quantiletest.Case(t, "model-c")) }

// TestFunctionsFramework: the HTTP contract holds behind functions-framework-go.
func TestFunctionsFramework(t *testing.T) {
	c := quantiletest.Case(t, "model-c")
	c.Serve = gcftest.Serve
	frameworktest.Handler(t, c)
}
