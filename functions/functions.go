// Package functions carries the spec files of the sample functions, so that a tool
// without the repository knows them.
package functions

import "embed"

// Specs has model-a/function.yaml and so on.
//
//go:embed */function.yaml
var Specs embed.FS
