//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever measures the page is told which of its bars it does not keep to.
func TestPageBars(t *testing.T) {
	t.Parallel()
	var seen pageSeen
	seen.Models.Slow.ContentShown = 999
	seen.Save.Median = 300
	require.Empty(t, seen.report(5, 20, 1000).missed())

	seen.Models.Slow.ContentShown = 1001
	seen.Effect.Preset.LayoutShift = 0.0001
	seen.Effect.Local.JavascriptBytes = 200_001
	seen.Save.Median = 301
	seen.Many.Server.Oldest = 51
	require.Equal(t, []string{
		"models, slow: all of them shown: 1001 ms, more than 1000 ms",
		"a model's effect: JavaScript: 200 kB, more than 200 kB",
		"a model's effect: layout shift: 0.0001, more than 0",
		"save to all replicas shown, median: 301 ms, more than 300 ms",
		"many versions: the server's oldest: 51 ms, more than 50 ms",
	}, seen.report(5, 20, 1000).missed())
}
