// Package framework turns a model into a function: a small program that serves
// predictions over HTTP and swaps to new params while it runs.
//
// # A model
//
// An author writes a [Model]: the type of its params, its signature, and how
// params become a predictor. A program is one line around it:
//
//	func main() { framework.Main(quantile.Model("model-a"), framework.Component(standardize.Model)) }
//
// # The lifecycle
//
//  1. Load. The set that the replica should run is read from its source: a
//     document of params, and the documents of the components that it requires.
//  2. Validate. Every document's digest is checked, and the params against the
//     model's type, tags and Validate method. What is built from them is usable.
//  3. Build. Components first, then the model: an immutable predictor.
//  4. Warm up. A predictor with a Warm method gets ready for its first request.
//  5. Ready. From here on /health/ready says yes.
//  6. Serve. A request takes hold of one snapshot and is answered with it alone,
//     whatever is swapped in meanwhile.
//  7. Swap. When the source wants another set, steps 1 to 4 run beside the one
//     that serves. Then one pointer changes. If a step fails, nothing changes.
//  8. Close. A predictor with a Close method is closed after its last request.
//  9. Drain. On SIGTERM the replica is no longer ready, answers what has come in,
//     stops listening, and answers what it has read.
//  10. End. The last snapshot is closed, the log written, the program exits with 0.
//
// # Settings
//
// A program is configured by its environment; [SettingsFrom] lists the variables.
//
// # Testing
//
// Package frameworktest has a conformance suite that any function runs with one
// call. A model's own code needs no server to be tested: it is a value with a
// Build function.
package framework
