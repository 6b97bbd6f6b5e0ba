// The program of component-d: features on one scale.
package main

import (
	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/functions/standardize"
)

func main() { framework.Main(standardize.Model) }
