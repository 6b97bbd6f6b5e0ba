//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/modelfn/modelfn/hack/bench/load"
	"github.com/modelfn/modelfn/hack/bench/program"
)

const (
	connections = 32
	starts      = 10 // of each program in a round
)

// target is a program that answers POST /predict.
type target struct {
	Name string `json:"name"`
	path string
	env  []string
}

// sample is what one round measured of one target.
type sample struct {
	Throughput float64 `json:"throughput"` // answers a second
	CPU        float64 `json:"cpu_us"`     // of the server, per answer, at that throughput
	P50        float64 `json:"p50_us"`     // at half of the bare handler's throughput
	P99        float64 `json:"p99_us"`
	Start      float64 `json:"start_ms"`   // from exec to the first answer
	Idle       float64 `json:"idle_bytes"` // memory after the first answer
	Peak       float64 `json:"peak_bytes"` // the most memory, under the highest load
	Size       float64 `json:"size_bytes"` // of the program
	Busy       float64 `json:"generator"`  // the part of the time that the generator's threads worked
}

// servingRun is the state of one run of the benchmark.
type servingRun struct {
	*session
	exchanges []load.Exchange
	generator generator
	targets   []target
	samples   [][]sample // by target, then round
}

// serving compares a model function with a bare handler and with
// functions-framework-go. In every round each program is started anew and
// measured, one after the other; the first one to be measured is another one each
// time.
func serving(ctx context.Context, s *session) (report, error) {
	s.progress.say("serving: building")
	r := &servingRun{session: s}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	r.samples = make([][]sample, len(r.targets))
	for i := range r.samples {
		r.samples[i] = make([]sample, s.rounds)
	}
	err := r.each("starts", func(t *target, m *sample) error { return r.starts(ctx, t, m) })
	if err != nil {
		return nil, err
	}
	err = r.each("throughput", func(t *target, m *sample) error { return r.throughput(ctx, t, m) })
	if err != nil {
		return nil, err
	}
	rate := median(r.samples[bare], func(m *sample) float64 { return m.Throughput }) / 2
	err = r.each("latency", func(t *target, m *sample) error { return r.latency(ctx, t, m, rate) })
	if err != nil {
		return nil, err
	}
	return newServingReport(r, rate), nil
}

// each measures every target once in each round.
func (r *servingRun) each(what string, measure func(*target, *sample) error) error {
	for round := range r.rounds {
		for i := range r.targets {
			i = (i + round) % len(r.targets)
			t := &r.targets[i]
			r.progress.say("serving: %s, round %d of %d, %s", what, round+1, r.rounds, t.Name)
			if err := measure(t, &r.samples[i][round]); err != nil {
				return fmt.Errorf("%s of %s: %w", what, t.Name, err)
			}
		}
	}
	return nil
}

// start starts a target and waits for its first answer.
func (r *servingRun) start(ctx context.Context, t *target) (*program.Process, time.Duration, error) {
	p, err := program.Start(ctx, t.path, t.env...)
	if err != nil {
		return nil, 0, err
	}
	took, err := p.FirstAnswer(ctx, r.exchanges[0])
	if err != nil {
		p.Stop()
		return nil, 0, err
	}
	return p, took, nil
}

func (r *servingRun) starts(ctx context.Context, t *target, m *sample) error {
	took := make([]float64, starts)
	for i := range took {
		p, d, err := r.start(ctx, t)
		if err != nil {
			return err
		}
		p.Stop()
		took[i] = float64(d.Microseconds()) / 1e3
	}
	m.Start = middle(took)
	info, err := os.Stat(t.path)
	if err != nil {
		return err
	}
	m.Size = float64(info.Size())
	return nil
}

func (r *servingRun) throughput(ctx context.Context, t *target, m *sample) error {
	p, _, err := r.start(ctx, t)
	if err != nil {
		return err
	}
	defer p.Stop()
	if m.Idle, err = r.idle(ctx, p); err != nil {
		return err
	}
	before, err := p.CPU()
	if err != nil {
		return err
	}
	result, err := r.load(ctx, p, 0)
	if err != nil {
		return err
	}
	after, err := p.CPU()
	if err != nil {
		return err
	}
	_, peak, err := p.Memory()
	if err != nil {
		return err
	}
	m.Throughput, m.Busy, m.Peak = result.Rate, result.Busy, float64(peak)
	m.CPU = float64((after - before).Microseconds()) / float64(result.Sent)
	return nil
}

// idle is the memory of a program that has answered once and then waited: at
// least a second, unless the whole measurement is shorter.
func (r *servingRun) idle(ctx context.Context, p *program.Process) (float64, error) {
	select {
	case <-time.After(min(time.Second, r.duration)):
	case <-ctx.Done():
	}
	now, _, err := p.Memory()
	return float64(now), err
}

func (r *servingRun) latency(ctx context.Context, t *target, m *sample, rate float64) error {
	p, _, err := r.start(ctx, t)
	if err != nil {
		return err
	}
	defer p.Stop()
	result, err := r.load(ctx, p, rate)
	if err != nil {
		return err
	}
	m.P50, m.P99 = float64(result.P50.Nanoseconds())/1e3, float64(result.P99.Nanoseconds())/1e3
	return nil
}

// load makes a load on a program.
func (r *servingRun) load(ctx context.Context, p *program.Process, rate float64) (load.Result, error) {
	return r.generator.run(ctx, load.Plan{
		Addr: p.Addr, Connections: connections, Exchanges: r.exchanges, Rate: rate,
		Warmup: min(time.Second, r.duration/3), Duration: r.duration,
	})
}

func (r *servingRun) file(name string) string { return filepath.Join(r.dir, name) }
