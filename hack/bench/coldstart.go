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

// The two Services that a cold start is measured of: nothing but their images
// differs.
const coldStartServices = `
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: hello}
spec:
  template:
    metadata:
      annotations: {autoscaling.knative.dev/window: 6s}
    spec:
      containers: [{image: registry.local:5000/hello, readinessProbe: {tcpSocket: {port: 0}}}]
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: model-a}
spec:
  template:
    metadata:
      annotations: {autoscaling.knative.dev/window: 6s}
    spec:
      containers: [{image: %s, readinessProbe: {httpGet: {path: /health/ready}}}]
`

// phases are the steps of a cold start that the cluster tells of, each a time after
// the request was sent.
var phases = []struct {
	name    string
	reached func(*pod) bool
}{
	{"pod made", func(*pod) bool { return true }},
	{"pod placed", func(p *pod) bool { return p.Spec.NodeName != "" }},
	{"network ready", func(p *pod) bool { return p.is("PodReadyToStartContainers") }},
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
	} `json:"status"`
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
}

const (
	coldStartPairs = 20
	coldStartBar   = 60 // ms
)

// coldStart asks a model function and a bare hello, both at zero, and compares how
// long their answers take, pair by pair, the first of them another one each time.
func coldStart(ctx context.Context, s *session) (_ report, err error) {
	s.progress.say("cold-start: deploying")
	reference, err := image(s.root, "model-a")
	if err != nil {
		return nil, err
	}
	c, err := newCluster(ctx, "modelfn-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.remove(context.WithoutCancel(ctx))) }()
	if _, err := c.kubectl(ctx, fmt.Sprintf(coldStartServices, reference), "apply", "--filename", "-"); err != nil {
		return nil, err
	}
	if _, err := c.kubectl(ctx, "", "wait", "--for=condition=Ready", "--timeout=60s", "services.serving.knative.dev", "--all"); err != nil {
		return nil, err
	}
	r := &coldStartReport{}
	pairs := coldStartPairs
	if s.quick {
		pairs = 1
	}
	for i := range pairs {
		s.progress.say("cold-start: pair %d of %d, waiting for zero", i+1, pairs)
		if err := c.atZero(ctx); err != nil {
			return nil, err
		}
		s.progress.say("cold-start: pair %d of %d, asking", i+1, pairs)
		if err := r.pair(ctx, c, i%2 == 1); err != nil {
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

// pair wakes both Services, one after the other.
func (r *coldStartReport) pair(ctx context.Context, c *cluster, modelFirst bool) error {
	steps := []func() error{
		func() (err error) {
			r.Hello, err = wake(ctx, c, r.Hello, "hello", "GET", "/", "")
			return err
		},
		func() (err error) {
			r.Model, err = wake(ctx, c, r.Model, "model-a", "POST", "/predict", `{"input":[32.1,101,4.8598]}`)
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

// wake asks a Service that is at zero, and watches its pod until it is ready.
func wake(ctx context.Context, c *cluster, so []cold, service, method, path, body string) ([]cold, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w, err := watchPod(ctx, c, service)
	if err != nil {
		return nil, err
	}
	defer w.end()
	start := time.Now()
	_, took, err := c.ask(ctx, service, method, path, body)
	if err != nil {
		return nil, err
	}
	one := cold{Answer: milliseconds(took), Phases: map[string]float64{}}
	for _, p := range phases {
		at, err := w.reached(ctx, p.name)
		if err != nil {
			return nil, err
		}
		one.Phases[p.name] = milliseconds(at.Sub(start))
	}
	return append(so, one), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// watch notes when a Service's pod is seen in each phase.
type watch struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	at      map[string]chan time.Time // one time each
}

func watchPod(ctx context.Context, c *cluster, service string) (*watch, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel, at: map[string]chan time.Time{}}
	for _, p := range phases {
		w.at[p.name] = make(chan time.Time, 1)
	}
	cmd := exec.CommandContext(ctx, "kubectl", "--namespace", c.namespace, "get", "pods", "--watch", "--output", "json",
		"--selector", "serving.knative.dev/service="+service)
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
	seen := map[string]bool{}
	for {
		var p pod
		if err := json.UnmarshalDecode(stream, &p); err != nil {
			return
		}
		for _, phase := range phases {
			if p.Metadata.Name != "" && !seen[phase.name] && phase.reached(&p) {
				seen[phase.name] = true
				w.at[phase.name] <- time.Now()
			}
		}
	}
}

// reached waits until the pod is seen in a phase, and returns when that was.
func (w *watch) reached(ctx context.Context, phase string) (time.Time, error) {
	select {
	case at := <-w.at[phase]:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("the phase %q was not seen: %w", phase, ctx.Err())
	}
}

func (w *watch) end() {
	w.cancel()
	w.running.Wait()
}

// print writes the table.
func (r *coldStartReport) print(w io.Writer) error {
	text := "\t\thello\tmodel-a\n"
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
