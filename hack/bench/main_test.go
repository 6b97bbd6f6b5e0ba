//go:build linux

package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// output runs the command and returns what it printed.
func output(t *testing.T, args ...string) (string, error) {
	var out bytes.Buffer
	err := run(t.Context(), args, &out, io.Discard)
	return out.String(), err
}

// TestQuick measures everything once. It says nothing about the figures but that
// they are there.
func TestQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts programs")
	}
	text, err := output(t, "-quick", "-o", "json", "serving")
	require.NoError(t, err)
	var got struct {
		Machine    machine `json:"machine"`
		Benchmarks struct {
			Serving servingReport `json:"serving"`
		} `json:"benchmarks"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	require.Positive(t, got.Machine.CPUs)
	serving := got.Benchmarks.Serving
	require.Len(t, serving.Targets, 3)
	require.Len(t, serving.Rows, len(figures))
	for _, line := range serving.Rows {
		for i, c := range line.Cells {
			assert.Positive(t, c.Median, "%s of %s", line.Name, serving.Targets[i].Name)
		}
	}
	var table bytes.Buffer
	require.NoError(t, serving.print(&table))
	require.Contains(t, table.String(), "functions-framework-go")
}

// TestQuickParams does the same for what needs a registry.
func TestQuickParams(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts programs")
	}
	for _, name := range []string{"swap", "reload", "watchers", "live"} {
		text, err := output(t, "-quick", "-o", "json", name)
		require.NoError(t, err, name)
		var got struct {
			Benchmarks map[string]facts `json:"benchmarks"`
		}
		require.NoError(t, json.Unmarshal([]byte(text), &got))
		f := got.Benchmarks[name]
		require.NotEmpty(t, f.Figures, name)
		for _, x := range f.Figures {
			assert.GreaterOrEqual(t, x.Value, 0.0, "%s: %s", name, x.Name)
		}
		var table bytes.Buffer
		require.NoError(t, f.print(&table))
		require.Contains(t, table.String(), "≤")
	}
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{"nonsense"}, {"-o", "xml"}, {"-rounds", "0"}, {"-duration", "1ns"}, {"-nonsense"}} {
		_, err := output(t, args...)
		assert.Error(t, err, "%q", args)
	}
}

func TestBars(t *testing.T) {
	r := &servingRun{session: &session{rounds: 2}, targets: []target{{Name: "bare"}, {Name: "model"}}}
	plain := sample{Throughput: 100, P99: 100, Start: 10, Idle: 1e6, Size: 1e6}
	r.samples = [][]sample{
		{plain, plain},
		{{Throughput: 96, P99: 121, Start: 15, Idle: 25e6, Size: 16e6}, {Throughput: 96, P99: 121, Start: 15, Idle: 25e6, Size: 16e6}},
	}
	kept := map[string]bool{}
	rep := newServingReport(r, 50)
	require.Equal(t, []string{"p99: 121 µs (1.21×), not ≤ 1.2×", "program: 16.0 MB (16.00×), not ≤ 15 MB"}, rep.missed())
	for _, line := range rep.Rows {
		if line.Bar != "" {
			kept[line.Name] = line.Kept
		}
	}
	require.Equal(t, map[string]bool{
		"throughput": true, "p99": false, "first answer": true, "memory, idle": true, "program": false,
	}, kept)
}

// What a strict run fails for is named, with its bar.
func TestMissed(t *testing.T) {
	f := &facts{}
	f.add("without a bar", "s", 100)
	f.atMost(60, "up", "s", 60)
	f.atMost(60, "up, most", "s", 60.5)
	require.Equal(t, []string{"up, most: 60.5 s, more than 60 s"}, f.missed())
	require.Empty(t, (&coldStartReport{Difference: coldStartBar, Kept: true}).missed())
	require.Equal(t, []string{"median of the paired differences: 61 ms, more than 60 ms"}, (&coldStartReport{Difference: 61}).missed())
}

func TestPairedRatio(t *testing.T) {
	rounds := func(v ...float64) []sample {
		s := make([]sample, len(v))
		for i := range v {
			s[i].P50 = v[i]
		}
		return s
	}
	of := func(m *sample) float64 { return m.P50 }
	// The second round was twice as slow for both.
	require.InDelta(t, 1.5, pairedRatio(rounds(15, 30, 15), rounds(10, 20, 10), of), 1e-9)
	require.InDelta(t, 2.5, median(rounds(4, 1, 3, 2), of), 1e-9)
}
