// Package function is model-a as a Cloud Run function.
package function

import (
	_ "embed"

	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework" // the build's own main needs it

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/gcf"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
)

// params is what `modelfn train` wrote for model-a.
//
//go:embed params.json
var params []byte

func init() {
	gcf.Register("predict", quantile.Model("model-a"), params, framework.Component(standardize.Model))
}
