//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// facts is a report of single figures, some of which have to keep to a bar.
type facts struct {
	Figures []fact `json:"figures"`
	Notes   string `json:"notes"`
}

// fact is one figure.
type fact struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`

	// Baseline is the same of net/http, and Ratio how much the figure is of it; 0 for
	// none.
	Baseline float64 `json:"baseline,omitzero"`
	Ratio    float64 `json:"ratio,omitzero"`

	Most float64 `json:"most,omitzero"` // the bar; 0 for none, unless Bar is set
	Bar  bool    `json:"bar,omitzero"`
}

func (f *facts) add(name, unit string, value float64) {
	f.Figures = append(f.Figures, fact{Name: name, Unit: unit, Value: value})
}

// compare adds the median of durations that were measured in turn with others, beside
// that of those.
func (f *facts) compare(name, unit string, of, baseline []time.Duration) {
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = of[i].Seconds() / baseline[i].Seconds()
	}
	f.Figures = append(f.Figures, fact{
		Name: name, Unit: unit, Value: milliseconds(middleOf(of)), Baseline: milliseconds(middleOf(baseline)), Ratio: middle(ratios),
	})
}

// atMost adds a figure with a bar.
func (f *facts) atMost(most float64, name, unit string, value float64) {
	f.Figures = append(f.Figures, fact{Name: name, Unit: unit, Value: value, Most: most, Bar: true})
}

// kept reports whether the figure keeps to its bar, or has none.
func (x *fact) kept() bool { return !x.Bar || x.Value <= x.Most }

func (f *facts) missed() (list []string) {
	for _, x := range f.Figures {
		if !x.kept() {
			unit := strings.TrimRight(" "+x.Unit, " ")
			list = append(list, fmt.Sprintf("%s: %s%s, more than %g%s", x.Name, figure(x.Value), unit, x.Most, unit))
		}
	}
	return list
}

// print writes a line for each figure.
func (f *facts) print(w io.Writer) error {
	var text strings.Builder
	for _, x := range f.Figures {
		fmt.Fprintf(&text, "%s\t%s\t%s", x.Name, figure(x.Value), x.Unit)
		if x.Ratio > 0 {
			fmt.Fprintf(&text, "\tnet/http: %s %s (%.2f×)", figure(x.Baseline), x.Unit, x.Ratio)
		}
		if x.Bar {
			mark := "✓"
			if !x.kept() {
				mark = "✗"
			}
			fmt.Fprintf(&text, "\t≤ %g %s %s", x.Most, x.Unit, mark)
		}
		text.WriteString("\n")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, text.String()); err != nil {
		return err
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", f.Notes)
	return err
}

// figure writes a number with four digits that count.
func figure(v float64) string {
	if v >= 1000 { // which the other would write with an exponent
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}
