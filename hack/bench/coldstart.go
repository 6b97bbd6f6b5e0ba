//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// phases are the steps of a cold start that the cluster tells of, each a time after
// the request was sent.
var phases = []struct {
	name    string
	reached func(*pod) bool
}{
	{"pod made", func(*pod) bool { return true }},
	{"pod placed", func(p *pod) bool { return p.Spec.NodeName != "" }},
	{"network ready", func(p *pod) bool { return p.is("PodReadyToStartContainers") }},
	{"program started", func(p *pod) bool { return p.started() }},
	{"pod ready", func(p *pod) bool { return p.is("Ready") }},
}

// pod is what a benchmark looks at in a pod.
type pod struct {
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		NodeName string `json:"nodeName"`
	} `json:"spec"`
	Status struct {
		Conditions []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
		ContainerStatuses []struct {
			Name    string `json:"name"`
			Started bool   `json:"started"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

func (p *pod) started() bool {
	for _, c := range p.Status.ContainerStatuses {
		if c.Name == "user-container" {
			return c.Started
		}
	}
	return false
}

func (p *pod) is(condition string) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == condition {
			return c.Status == "True"
		}
	}
	return false
}

// cold is one cold start.
type cold struct {
	Answer float64            `json:"answer_ms"`
	Phases map[string]float64 `json:"phases_ms"`
}

// coldStartReport is what the benchmark found, pair by pair.
type coldStartReport struct {
	Hello      []cold  `json:"hello"`
	Model      []cold  `json:"model"`
	Difference float64 `json:"median_paired_difference_ms"`
	Kept       bool    `json:"kept"`

	watch *watch
}

const (
	coldStartPairs  = 20
	coldStartBar    = 60 // ms
	coldStartCopies = 5  // of each Service: while one goes to zero others are asked
)

// coldStart asks a model function and a bare hello, both at zero and deployed alike, and
// compares how long their answers take, pair by pair, the first of them another one each
// time.
func coldStart(ctx context.Context, s *session) (_ report, err error) {
	s.progress.say("cold-start: deploying")
	c, err := newCluster(ctx, "modelfn-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.remove(context.WithoutCancel(ctx))) }()
	pairs, services := coldStartPairs, ""
	if s.quick {
		pairs = 1
	}
	for i := range min(pairs, coldStartCopies) {
		for name, manifest := range map[string]func(root, name string, lines ...string) (string, error){"model": c.model, "hello": c.hello} {
			text, err := manifest(s.root, fmt.Sprintf("%s-%d", name, i), "scale: {windowSeconds: 6}")
			if err != nil {
				return nil, err
			}
			services += text
		}
	}
	if err := c.deploy(ctx, services); err != nil {
		return nil, err
	}
	w, err := watchPods(ctx, c)
	if err != nil {
		return nil, err
	}
	defer w.end()
	r := &coldStartReport{watch: w}
	for i := range pairs {
		copied := i % coldStartCopies
		if copied == 0 {
			s.progress.say("cold-start: pair %d of %d, waiting for zero", i+1, pairs)
			if err := c.atZero(ctx); err != nil {
				return nil, err
			}
		}
		s.progress.say("cold-start: pair %d of %d, asking", i+1, pairs)
		if err := r.pair(ctx, c, copied, i%2 == 1); err != nil {
			return nil, err
		}
	}
	differences := make([]float64, pairs)
	for i := range pairs {
		differences[i] = r.Model[i].Answer - r.Hello[i].Answer
	}
	r.Difference = middle(differences)
	r.Kept = r.Difference <= coldStartBar
	return r, nil
}

// pair wakes one copy of both Services, one after the other.
func (r *coldStartReport) pair(ctx context.Context, c *cluster, copied int, modelFirst bool) error {
	steps := []func() error{
		func() (err error) {
			r.Hello, err = r.wake(ctx, c, r.Hello, fmt.Sprintf("hello-%d", copied), "GET", "/", "")
			return err
		},
		func() (err error) {
			r.Model, err = r.wake(ctx, c, r.Model, fmt.Sprintf("model-%d", copied), "POST", "/predict", `{"input":[32.1,101,4.8598]}`)
			return err
		},
	}
	if modelFirst {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// wake asks a Service that is at zero, and waits until its pod is ready.
func (r *coldStartReport) wake(ctx context.Context, c *cluster, so []cold, service, method, path, body string) ([]cold, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	start := time.Now()
	_, took, err := c.ask(ctx, service, method, path, body)
	if err != nil {
		return nil, err
	}
	one := cold{Answer: milliseconds(took), Phases: map[string]float64{}}
	for _, p := range phases {
		at, err := r.watch.reached(ctx, service, p.name, start)
		if err != nil {
			return nil, err
		}
		one.Phases[p.name] = milliseconds(at.Sub(start))
	}
	return append(so, one), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// watch notes when each pod of a namespace is seen in each phase.
type watch struct {
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex // guards seen
	seen map[string]*podSeen
}

// podSeen is one pod, by its name.
type podSeen struct {
	service string
	at      map[string]time.Time // by phase
}

func watchPods(ctx context.Context, c *cluster) (*watch, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel, seen: map[string]*podSeen{}}
	cmd := exec.CommandContext(ctx, "kubectl", "--namespace", c.namespace, "get", "pods", "--watch", "--output", "json")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watching pods: %w", err)
	}
	w.running.Go(func() {
		w.follow(out)
		_ = cmd.Wait() // it is killed in the end
	})
	return w, nil
}

// follow reads the pods until the stream ends.
func (w *watch) follow(out io.Reader) {
	stream := jsontext.NewDecoder(out)
	for {
		var p pod
		if err := json.UnmarshalDecode(stream, &p); err != nil {
			return
		}
		w.mu.Lock()
		s := w.seen[p.Metadata.Name]
		if s == nil {
			s = &podSeen{p.Metadata.Labels["serving.knative.dev/service"], map[string]time.Time{}}
			w.seen[p.Metadata.Name] = s
		}
		for _, phase := range phases {
			if _, known := s.at[phase.name]; !known && phase.reached(&p) {
				s.at[phase.name] = time.Now()
			}
		}
		w.mu.Unlock()
	}
}

// reached waits until a pod of a Service, made after a time, is seen in a phase, and
// returns when that was.
func (w *watch) reached(ctx context.Context, service, phase string, after time.Time) (time.Time, error) {
	for {
		w.mu.Lock()
		for _, s := range w.seen {
			if at, ok := s.at[phase]; ok && s.service == service && s.at[phases[0].name].After(after) {
				w.mu.Unlock()
				return at, nil
			}
		}
		w.mu.Unlock()
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("the phase %q of %s was not seen: %w", phase, service, ctx.Err())
		}
	}
}

func (w *watch) end() {
	w.cancel()
	w.running.Wait()
}

func (r *coldStartReport) missed() []string {
	if r.Kept {
		return nil
	}
	return []string{fmt.Sprintf("median of the paired differences: %.0f ms, more than %d ms", r.Difference, coldStartBar)}
}

// print writes the table.
func (r *coldStartReport) print(w io.Writer) error {
	text := "\t\thello\tmodel function\n"
	line := func(name string, of func(*cold) float64) {
		text += fmt.Sprintf("%s\tms\t%.0f\t%.0f\n", name, over(r.Hello, of), over(r.Model, of))
	}
	for _, p := range phases {
		line(p.name, func(c *cold) float64 { return c.Phases[p.name] })
	}
	line("answer", func(c *cold) float64 { return c.Answer })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, text); err != nil {
		return err
	}
	if err := t.Flush(); err != nil {
		return err
	}
	mark := "✗"
	if r.Kept {
		mark = "✓"
	}
	_, err := fmt.Fprintf(w, "\nMedians of %d pairs, from when the request was sent; the cluster tells of a phase a little after it.\n"+
		"Median of the paired differences of the answers: %.0f ms (bar: ≤ %d ms %s)\n", len(r.Model), r.Difference, coldStartBar, mark)
	return err
}

// over returns the median of a figure.
func over(list []cold, of func(*cold) float64) float64 {
	values := make([]float64, len(list))
	for i := range list {
		values[i] = of(&list[i])
	}
	return middle(values)
}
