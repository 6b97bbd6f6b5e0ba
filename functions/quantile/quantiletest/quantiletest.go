// Package quantiletest has what is expected of the functions that are quantile
// regressions: all of them keep to one contract.
package quantiletest

import (
	"testing"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
)

// Case returns the contract of the function of a name.
func Case(t testing.TB, name string) frameworktest.Case {
	d := frameworktest.Document(t, "component-d", 3, `{"mean":[25,95,4.5],"scale":[4,16,0.5]}`)
	otherD := frameworktest.Document(t, "component-d", 4, `{"mean":[25,95,4.5],"scale":[2,16,0.5]}`)
	return frameworktest.Case{
		Function:   quantile.Model(name),
		Components: []framework.Function{standardize.Model},
		Bundle:     frameworktest.Bundle(frameworktest.Document(t, name, 7, `{"weights":[2,4,8],"bias":64,"quantile":0.1}`, d), d),
		Other:      frameworktest.Bundle(frameworktest.Document(t, name, 8, `{"weights":[2,4,8],"bias":65,"quantile":0.1}`, otherD), otherD),
		Examples: []frameworktest.Example{
			{Input: `[29,111,5]`, Output: `78`}, // one standard deviation above each mean
			{Input: `[25,95,4.5]`, Output: `64`},
			{Input: `[21,79,5]`, Output: `66`},
		},
		Refusals: frameworktest.VectorRefusals(standardize.Features),
	}
}
