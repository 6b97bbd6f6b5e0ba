//go:build !race

package token_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/modelfn/modelfn/framework/token"
)

// TestTiming attacks by the clock, with nothing between it and the check: how long
// the answer takes must not tell how much of a hash fits, whether a token is known,
// or where it stands in the file. A time is compared only with one of the same
// moment, and the middle of many such ratios counts: what else the machine does
// touches both alike.
func TestTiming(t *testing.T) {
	const guess = "a guess"
	// Whoever finds tokens by how much of their hashes fits needs the end of a hash to
	// take longer than its beginning.
	far, near := almost(guess, 0), almost(guess, sha256.Size-2)
	tests := map[string][2]string{
		"how much of a hash fits":  {far, near},
		"whether the token fits":   {line("alice", guess) + far, line("alice", "other") + far},
		"where in the file it is":  {line("alice", guess) + far, far + line("alice", guess)},
		"whether it is there last": {far + line("alice", guess), far + line("alice", "other")},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			a, _ := open(t, files[0])
			b, _ := open(t, files[1])
			assert.InDelta(t, 1, ratio(a, b, guess), 0.15)
		})
	}
}

// almost returns the lines of many tokens, whose hashes are that of a guess but for
// two bytes: one answer tells what so many comparisons tell.
func almost(guess string, at int) string {
	var lines strings.Builder
	for i := range 2000 {
		hash := sha256.Sum256([]byte(guess))
		hash[at] ^= byte(1 + i/250)
		hash[at+1] ^= byte(1 + i%250)
		fmt.Fprintf(&lines, "somebody sha256:%x\n", hash)
	}
	return lines.String()
}

// ratio returns how long one file takes for a token, by how long another does.
func ratio(a, b *token.File, guess string) float64 {
	took := func(f *token.File) float64 {
		start := time.Now()
		f.Owner(guess)
		return float64(time.Since(start))
	}
	const pairs = 501
	var ratios []float64
	for i := range pairs {
		if i%2 == 0 {
			of := took(a)
			ratios = append(ratios, of/took(b))
		} else {
			by := took(b)
			ratios = append(ratios, took(a)/by)
		}
	}
	slices.Sort(ratios)
	return ratios[pairs/2]
}
