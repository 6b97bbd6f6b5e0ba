// Package frameworktest tests functions.
//
// [Function] runs the conformance suite: everything that a function promises to
// whoever calls or operates it, one subtest a promise. An author gives it a
// [Case], the function with params and a few inputs with their outputs, and calls
// it from the test of the program:
//
//	func TestModelA(t *testing.T) { frameworktest.Function(t, modelA) }
//
// The suite has two parts, which can be run alone. [Handler] tests the HTTP
// contract in the test's own process; with [Case.Serve] it does so through a
// foreign server. [Process] builds the program, and tests what only a process
// has: settings, ports, limits, logs, signals, reloads. [Fences] tests the server
// instead of the function: it runs a model that panics, hangs and lies.
//
// For tests of one's own, [Start] runs a function in the test's process, and
// [Document] and [Bundle] make its params.
//
// Nothing here depends on how fast the machine is: what has to happen is waited
// for, a minute at most.
package frameworktest
