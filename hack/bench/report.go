//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// servingReport is what the serving benchmark found.
type servingReport struct {
	Rounds      int           `json:"rounds"`
	Duration    string        `json:"duration"`
	Connections int           `json:"connections"`
	Rate        float64       `json:"rate"` // requests a second, for p50 and p99
	Rows        []row         `json:"rows"`
	Targets     []servingSeen `json:"targets"`
}

// servingSeen is all that was measured of one target.
type servingSeen struct {
	target
	Samples []sample `json:"samples"`
}

// row is one figure of every target.
type row struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Cells []cell `json:"cells"` // by target

	// Bar is what the model function has to keep to, "" if there is none.
	Bar  string `json:"bar,omitzero"`
	Kept bool   `json:"kept,omitzero"`

	digits int
}

// cell is one figure of one target.
type cell struct {
	Median float64 `json:"median"`

	// Ratio to the bare handler: the median of the rounds' ratios. What the
	// machine does to a whole round is not in it.
	Ratio float64 `json:"ratio"`
}

// figures are the rows of the table. A bar is on the ratio if relative is set,
// else on the median.
var figures = []struct {
	name, unit string
	digits     int
	of         func(*sample) float64
	bar        float64 // 0: none
	relative   bool
	atLeast    bool // the bar is the least; else the most
}{
	{"throughput", "req/s", 0, func(m *sample) float64 { return m.Throughput }, 0.95, true, true},
	{"processor time", "µs/req", 1, func(m *sample) float64 { return m.CPU }, 0, false, false},
	{"p50", "µs", 0, func(m *sample) float64 { return m.P50 }, 0, false, false},
	{"p99", "µs", 0, func(m *sample) float64 { return m.P99 }, 1.2, true, false},
	{"first answer", "ms", 1, func(m *sample) float64 { return m.Start }, 1.5, true, false},
	{"memory, idle", "MB", 1, func(m *sample) float64 { return m.Idle / 1e6 }, 25, false, false},
	{"memory, peak", "MB", 1, func(m *sample) float64 { return m.Peak / 1e6 }, 0, false, false},
	{"program", "MB", 1, func(m *sample) float64 { return m.Size / 1e6 }, 15, false, false},
	{"generator busy", "%", 0, func(m *sample) float64 { return m.Busy * 100 }, 0, false, false},
}

func newServingReport(r *servingRun, rate float64) *servingReport {
	rep := &servingReport{Rounds: r.rounds, Duration: r.duration.String(), Connections: connections, Rate: rate}
	for i, t := range r.targets {
		rep.Targets = append(rep.Targets, servingSeen{t, r.samples[i]})
	}
	for _, f := range figures {
		line := row{Name: f.name, Unit: f.unit, digits: f.digits}
		for i := range r.targets {
			line.Cells = append(line.Cells, cell{median(r.samples[i], f.of), pairedRatio(r.samples[i], r.samples[bare], f.of)})
		}
		if f.bar != 0 {
			value, sign, unit := line.Cells[modelA].Median, "≤", " "+f.unit
			if f.relative {
				value, unit = line.Cells[modelA].Ratio, "×"
			}
			line.Kept = value <= f.bar
			if f.atLeast {
				sign, line.Kept = "≥", value >= f.bar
			}
			line.Bar = fmt.Sprintf("%s %g%s", sign, f.bar, unit)
		}
		rep.Rows = append(rep.Rows, line)
	}
	return rep
}

func (r *servingReport) missed() (list []string) {
	for _, line := range r.Rows {
		if line.Bar != "" && !line.Kept {
			list = append(list, fmt.Sprintf("%s: %.*f %s (%.2f×), not %s", line.Name, line.digits, line.Cells[modelA].Median, line.Unit, line.Cells[modelA].Ratio, line.Bar))
		}
	}
	return list
}

// print writes the table.
func (r *servingReport) print(w io.Writer) error {
	var text strings.Builder
	text.WriteString("\t")
	for _, seen := range r.Targets {
		text.WriteString("\t" + seen.Name)
	}
	text.WriteString("\tbar\n")
	for _, line := range r.Rows {
		text.WriteString(line.String() + "\n")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, text.String()); err != nil {
		return err
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, servingNotes, r.Rounds, r.Duration, r.Connections, r.Rate)
	return err
}

// String is the line of the table, with tabs between its columns.
func (l *row) String() string {
	text := l.Name + "\t" + l.Unit
	for i, c := range l.Cells {
		text += fmt.Sprintf("\t%.*f", l.digits, c.Median)
		if i != bare {
			text += fmt.Sprintf(" (%.2f×)", c.Ratio)
		}
	}
	text += "\t" + l.Bar
	switch {
	case l.Bar == "":
		return text
	case l.Kept:
		return text + " ✓"
	default:
		return text + " ✗"
	}
}

const servingNotes = `
Medians of %d rounds of %s, and of thrice that under the highest load; the programs take turns of a sixth of it; (×) is the median of the rounds' ratios to net/http.
%d connections; p50 and p99 at %.0f requests/s, from when a request was due. The generator shares the machine.
The model function logs every request, to a pipe that is read; the others log nothing.
It runs with GOGC=200, as it ships, and they with Go's 100: that is less time of the processor, and more memory.
`

// median returns the middle of a figure over the rounds.
func median(rounds []sample, of func(*sample) float64) float64 {
	values := make([]float64, len(rounds))
	for i := range rounds {
		values[i] = of(&rounds[i])
	}
	return middle(values)
}

// pairedRatio returns the middle of the ratios of a figure to that of a baseline
// in the same round.
func pairedRatio(rounds, baseline []sample, of func(*sample) float64) float64 {
	values := make([]float64, len(rounds))
	for i := range rounds {
		values[i] = of(&rounds[i]) / of(&baseline[i])
	}
	return middle(values)
}

// middle returns the median of a non-empty list, which it sorts.
func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
