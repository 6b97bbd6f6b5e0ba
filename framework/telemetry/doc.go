// Package telemetry is what a function tells about itself: log lines, metrics and
// the trace that a request belongs to.
//
// Everything in it is safe for concurrent use.
package telemetry
