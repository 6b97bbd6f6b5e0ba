//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
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
	Most  float64 `json:"most,omitzero"` // the bar; 0 for none, unless Bar is set
	Bar   bool    `json:"bar,omitzero"`
}

func (f *facts) add(name, unit string, value float64) {
	f.Figures = append(f.Figures, fact{Name: name, Unit: unit, Value: value})
}

// atMost adds a figure with a bar.
func (f *facts) atMost(most float64, name, unit string, value float64) {
	f.Figures = append(f.Figures, fact{Name: name, Unit: unit, Value: value, Most: most, Bar: true})
}

// print writes a line for each figure.
func (f *facts) print(w io.Writer) error {
	var text strings.Builder
	for _, x := range f.Figures {
		figure := fmt.Sprintf("%.4g", x.Value)
		if x.Value >= 1000 { // which that would write with an exponent
			figure = fmt.Sprintf("%.0f", x.Value)
		}
		fmt.Fprintf(&text, "%s\t%s\t%s", x.Name, figure, x.Unit)
		if x.Bar {
			mark := "✓"
			if x.Value > x.Most {
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
