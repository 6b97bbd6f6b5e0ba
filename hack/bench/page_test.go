//go:build linux

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever measures the page is told which of its bars it does not keep to.
func TestPageBars(t *testing.T) {
	t.Parallel()
	var seen pageSeen
	seen.Models.Slow.ContentShown = 999
	seen.Save.Median = 300
	report := func() pageReport { return pageReport{seen.report(5, 20, 1000), false} }
	var out bytes.Buffer
	require.NoError(t, report().print(&out))
	require.NotContains(t, out.String(), "✗")

	seen.Models.Slow.ContentShown = 1001
	seen.Effect.Preset.LayoutShift = 0.0001
	seen.Effect.Local.JavascriptBytes = 200_001
	seen.Save.Median = 301
	seen.Many.Server.Oldest = 51
	out.Reset()
	err := report().print(&out)
	require.EqualError(t, err, `models, slow: all of them shown: 1001 ms, and not ≤ 1000
a model's effect: JavaScript: 200 kB, and not ≤ 200
a model's effect: layout shift: 0.0001, and not ≤ 0
save to all replicas shown, median: 301 ms, and not ≤ 300
many versions: the server's oldest: 51 ms, and not ≤ 50`)
	require.Contains(t, out.String(), "✗", "the figures are printed all the same")

	require.NoError(t, pageReport{report().facts, true}.print(&out), "a quick round means nothing")
}
