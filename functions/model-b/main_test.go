package main

import (
	"testing"

	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/gcf/gcftest"
	"github.com/modelfn/modelfn/functions/quantile/quantiletest"
)

func TestConformance(t *testing.T) { frameworktest.Function(t, quantiletest.Case(t, "model-b")) }

// TestFunctionsFramework: the HTTP contract holds behind functions-framework-go.
func TestFunctionsFramework(t *testing.T) {
	c := quantiletest.Case(t, "model-b")
	c.Serve = gcftest.Serve
	frameworktest.Handler(t, c)
}
