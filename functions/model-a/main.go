// The program of model-a: one quantile of the progression of diabetes.
package main

import (
	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
)

func main() { framework.Main(quantile.Model("model-a"), framework.Component(standardize.Model)) }
