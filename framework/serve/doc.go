// Package serve answers HTTP requests with a model: the routes, the limits, the
// admin port, and a clean end.
//
// A [Handler] is the function's contract: it can run in any server. A [Server] is
// the one that a function's program runs it in. It listens on two ports; the
// second is for those who operate the function (metrics and profiles), so that
// scraping does not look like traffic to an autoscaler.
//
// The server ends in this order: the function says that it is not ready; for the
// drain delay it goes on answering, each answer ending its connection, so that
// whoever sends requests finds another replica; then it stops listening, answers
// every request whose header it has read, and closes.
package serve
