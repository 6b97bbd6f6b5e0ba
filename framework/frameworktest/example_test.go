package frameworktest_test

import (
	"testing"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/frameworktest"
)

// The test of a program: the whole suite, in one call.
func ExampleFunction() {
	_ = func(t *testing.T) { // func TestConformance(t *testing.T)
		half, double := frameworktest.Document(t, "scale", 1, `{"factor":0.5}`), frameworktest.Document(t, "scale", 2, `{"factor":2}`)
		frameworktest.Function(t, frameworktest.Case{
			Function:   frameworktest.Linear,
			Components: []framework.Function{frameworktest.Scale},
			Bundle:     frameworktest.Bundle(frameworktest.Document(t, "linear", 1, `{"weights":[1,10],"bias":1}`, half), half),
			Other:      frameworktest.Bundle(frameworktest.Document(t, "linear", 2, `{"weights":[1,10],"bias":1}`, double), double),
			Examples:   []frameworktest.Example{{Input: `[2,4]`, Output: `22`}, {Input: `[0,0]`, Output: `1`}},
			Refusals:   frameworktest.VectorRefusals(2),
		})
	}
}
