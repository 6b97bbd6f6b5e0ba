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
	starts      = 48 // of each program in a round
	turns       = 6  // of each program in a round; a load lasts for a part of -duration in each
	fullTurns   = 18 // with the highest load: no other bar is as narrow beside what a machine does of its own
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
// functions-framework-go. In every round the programs are started anew and measured
// in turns of a part of a second, so that what becomes of the machine befalls all; each
// turn begins with another one.
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
	for round := range r.rounds {
		if err := r.starts(ctx, round); err != nil {
			return nil, err
		}
	}
	for round := range r.rounds {
		if err := r.throughput(ctx, round); err != nil {
			return nil, err
		}
	}
	rate := median(r.samples[bare], func(m *sample) float64 { return m.Throughput }) / 2
	for round := range r.rounds {
		if err := r.latency(ctx, round, rate); err != nil {
			return nil, err
		}
	}
	return newServingReport(r, rate), nil
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

// starts measures how soon each target answers after it was started.
func (r *servingRun) starts(ctx context.Context, round int) error {
	took := make([][]float64, len(r.targets))
	err := r.inTurns("starts", round, turns, func(i int) error {
		for range starts / turns {
			p, d, err := r.start(ctx, &r.targets[i])
			if err != nil {
				return err
			}
			p.Stop()
			took[i] = append(took[i], float64(d.Microseconds())/1e3)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range r.targets {
		info, err := os.Stat(r.targets[i].path)
		if err != nil {
			return err
		}
		m := &r.samples[i][round]
		m.Start, m.Size = middle(took[i]), float64(info.Size())
	}
	return nil
}

// throughput measures each target's memory while it has nothing to do, and then under
// the highest load.
func (r *servingRun) throughput(ctx context.Context, round int) error {
	loaded := make([]highest, len(r.targets))
	for i := range r.targets {
		r.progress.say("serving: memory, round %d of %d, %s", round+1, r.rounds, r.targets[i].Name)
		p, _, err := r.start(ctx, &r.targets[i])
		if err != nil {
			return err
		}
		defer p.Stop()
		loaded[i].program = p
		if r.samples[i][round].Idle, err = r.idle(ctx, p); err != nil {
			return err
		}
	}
	if err := r.inTurns("throughput", round, fullTurns, func(i int) error { return r.loadFully(ctx, &loaded[i]) }); err != nil {
		return err
	}
	for i := range loaded {
		if err := loaded[i].tell(&r.samples[i][round]); err != nil {
			return err
		}
	}
	return nil
}

// highest is what was measured of a program under the highest load.
type highest struct {
	program *program.Process
	turns   int
	rate    float64 // sums over the turns
	busy    float64
	sent    int
	cpu     time.Duration
}

// loadFully is one turn of a program.
func (r *servingRun) loadFully(ctx context.Context, h *highest) error {
	before, err := h.program.CPU()
	if err != nil {
		return err
	}
	result, err := r.load(ctx, h.program, 0)
	if err != nil {
		return err
	}
	after, err := h.program.CPU()
	if err != nil {
		return err
	}
	h.turns++
	h.rate += result.Rate
	h.busy += result.Busy
	h.sent += result.Sent
	h.cpu += after - before
	return nil
}

// tell writes what was measured into a sample.
func (h *highest) tell(m *sample) error {
	_, peak, err := h.program.Memory()
	n := float64(h.turns)
	m.Throughput, m.Busy, m.Peak = h.rate/n, h.busy/n, float64(peak)
	m.CPU = float64(h.cpu.Microseconds()) / float64(h.sent)
	return err
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

// latency measures how long each target takes to answer under half of the highest load.
func (r *servingRun) latency(ctx context.Context, round int, rate float64) error {
	programs := make([]*program.Process, len(r.targets))
	for i := range r.targets {
		p, _, err := r.start(ctx, &r.targets[i])
		if err != nil {
			return err
		}
		defer p.Stop()
		programs[i] = p
	}
	p50, p99 := make([][]float64, len(r.targets)), make([][]float64, len(r.targets))
	err := r.inTurns("latency", round, turns, func(i int) error {
		result, err := r.load(ctx, programs[i], rate)
		p50[i] = append(p50[i], float64(result.P50.Nanoseconds())/1e3)
		p99[i] = append(p99[i], float64(result.P99.Nanoseconds())/1e3)
		return err
	})
	if err != nil {
		return err
	}
	for i := range r.targets {
		m := &r.samples[i][round]
		m.P50, m.P99 = middle(p50[i]), middle(p99[i])
	}
	return nil
}

// inTurns measures every target, by its number, so many times, and each time begins
// with another one.
func (r *servingRun) inTurns(what string, round, turns int, measure func(i int) error) error {
	for turn := range turns {
		for i := range r.targets {
			i = (i + round + turn) % len(r.targets)
			r.progress.say("serving: %s, round %d of %d, turn %d of %d, %s", what, round+1, r.rounds, turn+1, turns, r.targets[i].Name)
			if err := measure(i); err != nil {
				return fmt.Errorf("%s of %s: %w", what, r.targets[i].Name, err)
			}
		}
	}
	return nil
}

// load makes a load on a program for one turn: so many requests a second, or as many
// as can be with a rate of 0.
func (r *servingRun) load(ctx context.Context, p *program.Process, rate float64) (load.Result, error) {
	return r.generator.run(ctx, load.Plan{
		Addr: p.Addr, Connections: connections, Exchanges: r.exchanges, Rate: rate,
		Warmup: r.duration / (3 * turns), Duration: r.duration / turns,
	})
}

func (r *servingRun) file(name string) string { return filepath.Join(r.dir, name) }
