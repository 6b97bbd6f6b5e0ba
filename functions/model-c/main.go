// The program of model-c: one quantile of the progression of diabetes.
package main

import (
	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
)

func main() { framework.Main(quantile.Model("model-c"), framework.Component(standardize.Model)) }
