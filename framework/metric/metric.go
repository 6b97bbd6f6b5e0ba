// Package metric counts and measures, and shows the figures in Prometheus' text
// format.
//
// It has the four kinds of figures that a function needs and nothing more, so that
// a function starts in a few milliseconds: a [Counter] that only rises, a [Gauge]
// that is set, a function that is asked, and a [Durations] histogram. A figure is
// found once by its name and labels, and then costs an atomic addition.
//
// Names follow Prometheus' conventions: base units, _total for counters. Labels are
// given as pairs, "route", "predict", and come from fixed lists: every value that
// is used makes a series that stays.
//
// Everything in it is safe for concurrent use.
package metric

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Registry holds figures. The zero Registry is not usable; call [New].
type Registry struct {
	labels []string // of every figure

	mu       sync.Mutex // guards families
	families map[string]*family
}

// New returns an empty registry whose figures all carry the labels.
func New(labels ...string) *Registry {
	return &Registry{labels: labels, families: map[string]*family{}}
}

// family is all the figures of one name.
type family struct {
	name, help, kind string
	series           map[string]figure // by their labels, as they are written
}

// figure writes itself: its name, its labels as text, and its value.
type figure interface {
	write(w *bytes.Buffer, name, labels string)
}

// find returns the figure of a name and labels, which create makes if it is new.
// To use one name for two kinds is an error of the program, and panics.
func find[F figure](r *Registry, name, help, kind string, labels []string, create func() F) F {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.families[name]
	if !ok {
		f = &family{name, help, kind, map[string]figure{}}
		r.families[name] = f
	}
	key := text(append(slices.Clone(r.labels), labels...))
	if known, ok := f.series[key]; ok {
		if same, ok := known.(F); ok {
			return same
		}
		panic(fmt.Sprintf("metric: %s is a %s already", name, f.kind))
	}
	made := create()
	f.series[key] = made
	return made
}

// text writes labels as they stand between the braces, ordered by name.
func text(labels []string) string {
	pairs := make([]string, 0, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+`="`+escapeLabel.Replace(labels[i+1])+`"`)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}

var (
	escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

// Counter is a number that only rises, until the process ends.
type Counter struct{ n atomic.Uint64 }

// Counter returns the counter of a name and labels.
func (r *Registry) Counter(name, help string, labels ...string) *Counter {
	return find(r, name, help, "counter", labels, func() *Counter { return &Counter{} })
}

// Inc adds 1.
func (c *Counter) Inc() { c.n.Add(1) }

// Value returns the number.
func (c *Counter) Value() uint64 { return c.n.Load() }

func (c *Counter) write(w *bytes.Buffer, name, labels string) {
	line(w, name, labels, strconv.FormatUint(c.n.Load(), 10))
}

// Gauge is a number that rises and falls.
type Gauge struct{ bits atomic.Uint64 }

// Gauge returns the gauge of a name and labels. It is 0 until it is set.
func (r *Registry) Gauge(name, help string, labels ...string) *Gauge {
	return find(r, name, help, "gauge", labels, func() *Gauge { return &Gauge{} })
}

// Set sets the number.
func (g *Gauge) Set(v float64) { g.bits.Store(math.Float64bits(v)) }

// Add adds to the number, or takes from it.
func (g *Gauge) Add(v float64) {
	for {
		old := g.bits.Load()
		if g.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// Value returns the number.
func (g *Gauge) Value() float64 { return math.Float64frombits(g.bits.Load()) }

func (g *Gauge) write(w *bytes.Buffer, name, labels string) { line(w, name, labels, number(g.Value())) }

// asked is a figure that is computed when it is shown.
type asked func() float64

// Func adds a figure that value is asked for whenever the figures are shown. kind is
// "gauge" or "counter".
func (r *Registry) Func(kind, name, help string, value func() float64, labels ...string) {
	find(r, name, help, kind, labels, func() asked { return value })
}

func (a asked) write(w *bytes.Buffer, name, labels string) { line(w, name, labels, number(a())) }

// Durations is a histogram of durations, in seconds.
type Durations struct {
	bounds []time.Duration
	counts []atomic.Uint64 // of each bound, and of what is above all
	sum    atomic.Int64    // in nanoseconds
}

// Durations returns the histogram of a name and labels. bounds are the upper ends of
// its buckets, in rising order.
func (r *Registry) Durations(name, help string, bounds []time.Duration, labels ...string) *Durations {
	return find(r, name, help, "histogram", labels, func() *Durations {
		return &Durations{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
	})
}

// Observe counts a duration in.
func (d *Durations) Observe(took time.Duration) {
	i, _ := slices.BinarySearch(d.bounds, took)
	d.counts[i].Add(1)
	d.sum.Add(int64(took))
}

func (d *Durations) write(w *bytes.Buffer, name, labels string) {
	var count uint64
	with := func(bound string) string {
		if labels == "" {
			return `le="` + bound + `"`
		}
		return labels + `,le="` + bound + `"`
	}
	for i := range d.counts {
		count += d.counts[i].Load()
		bound := "+Inf"
		if i < len(d.bounds) {
			bound = number(d.bounds[i].Seconds())
		}
		line(w, name+"_bucket", with(bound), strconv.FormatUint(count, 10))
	}
	line(w, name+"_sum", labels, number(time.Duration(d.sum.Load()).Seconds()))
	line(w, name+"_count", labels, strconv.FormatUint(count, 10))
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func line(w *bytes.Buffer, name, labels, value string) {
	w.WriteString(name)
	if labels != "" {
		w.WriteString("{" + labels + "}")
	}
	w.WriteString(" " + value + "\n")
}

// WriteTo writes all figures in Prometheus' text format, ordered by name and labels.
func (r *Registry) WriteTo(w io.Writer) (int64, error) {
	var out bytes.Buffer
	for _, f := range r.snapshot() {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n", f.name, escapeHelp.Replace(f.help), f.name, f.kind)
		for _, s := range f.series {
			s.figure.write(&out, f.name, s.labels)
		}
	}
	return out.WriteTo(w)
}

// ordered is a family as it is written.
type ordered struct {
	name, help, kind string
	series           []labelled
}

type labelled struct {
	labels string
	figure figure
}

// snapshot returns the families in order. The values are read later, without the
// lock: a function that is asked may take its time.
func (r *Registry) snapshot() []ordered {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []ordered
	for _, f := range r.families {
		o := ordered{name: f.name, help: f.help, kind: f.kind}
		for labels, s := range f.series {
			o.series = append(o.series, labelled{labels, s})
		}
		slices.SortFunc(o.series, func(a, b labelled) int { return cmp.Compare(a.labels, b.labels) })
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b ordered) int { return cmp.Compare(a.name, b.name) })
	return list
}

// ServeHTTP shows the figures.
func (r *Registry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = r.WriteTo(w) // a client that went away cannot be told
}
