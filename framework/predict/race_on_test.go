//go:build race

package predict_test

const raceEnabled = true
