//go:build !race

package frameworktest

// raceFlags build a program as its test was built.
var raceFlags []string
