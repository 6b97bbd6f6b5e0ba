// Package function reads function.yaml, the one small file that says how a function
// is run: on this machine and on Knative.
//
//	name: model-a
//	image: registry.local:5000/modelfn/model-a
//	components:
//	  component-d: network
//	scale:
//	  max: 5
//
// Only the name has to be there. Reading is strict: a field that is unknown, there
// twice or of the wrong form is an error, and so is what Knative or the function
// itself would refuse later. [ProblemsError] has all of them, each with its line and
// field.
//
// An editor that knows JSON Schema finds function.schema.json, which is made from
// the fields of [Spec], by the first line of a file:
//
//	# yaml-language-server: $schema=https://…/function.schema.json
//
// A Spec is a value without ties to its file. The package keeps no state.
package function
