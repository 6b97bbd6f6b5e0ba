//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/hack/bench/load"
	"github.com/modelfn/modelfn/knative/registry"
)

const (
	reloadEvery = 100 * time.Millisecond
	reloadBar   = 1.3 // ×
)

// reload measures the latency of predictions while new params are applied ten times a
// second, beside that without, in turn. The load is half of what the replica can
// answer, and goes to it directly.
func reload(ctx context.Context, s *session) (_ report, err error) {
	s.progress.say("reload: starting a replica")
	r, err := startReplicas(ctx, s, 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	g, err := buildGenerator(ctx, s)
	if err != nil {
		return nil, err
	}
	plan, err := r.plan(s)
	if err != nil {
		return nil, err
	}
	most, err := g.run(ctx, plan)
	if err != nil {
		return nil, err
	}
	plan.Rate = most.Rate / 2
	measure := func(m *sample) error {
		result, err := g.run(ctx, plan)
		m.P99 = float64(result.P99.Nanoseconds()) / 1e3
		return err
	}
	quiet, busy := make([]sample, s.rounds), make([]sample, s.rounds)
	applied, spent := 0, time.Duration(0)
	for i := range s.rounds {
		steps := []func() error{
			func() error { return measure(&quiet[i]) },
			func() error {
				began := time.Now()
				writing, stop := context.WithCancel(ctx)
				written := make(chan error, 1)
				go func() { written <- r.keepChanging(writing, &applied) }()
				err := measure(&busy[i])
				stop()
				err = errors.Join(err, <-written)
				spent += time.Since(began)
				return err
			},
		}
		for j := range steps {
			s.progress.say("reload: round %d of %d", i+1, s.rounds)
			if err := steps[(i+j)%len(steps)](); err != nil {
				return nil, err
			}
		}
	}
	p99 := func(m *sample) float64 { return m.P99 }
	f := &facts{Notes: fmt.Sprintf("Medians of %d rounds of %s each, at %.0f requests/s over %d connections; %.1f versions a second were applied.", s.rounds, s.duration, plan.Rate, connections,
		float64(applied)/spent.Seconds())}
	f.add("p99 without", "µs", median(quiet, p99))
	f.add("p99 while ten versions a second are applied", "µs", median(busy, p99))
	f.atMost(reloadBar, "the median of the rounds' ratios", "×", pairedRatio(busy, quiet, p99))
	return f, nil
}

// keepChanging writes versions that change nothing in the outputs, until ctx ends, each
// when the one before it serves. They go to the registry directly, and the replica is
// asked once for most of them: what is measured shares its processors with this.
func (r *replicas) keepChanging(ctx context.Context, applied *int) error {
	client, err := registry.New(r.RegistryURL(), "")
	if err != nil {
		return err
	}
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	last := int64(0)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if err = r.serves(ctx, last); err == nil {
			last, err = r.relabel(ctx, client, *applied)
		}
		if ctx.Err() != nil {
			return nil // it was told to end
		}
		if err != nil {
			return err
		}
		*applied++
	}
}

// relabel writes the params with another quantile, which is what they were trained
// for, and not looked at in a prediction. It returns their version.
func (r *replicas) relabel(ctx context.Context, client *registry.Client, n int) (int64, error) {
	var p quantile.Params
	if err := json.Unmarshal(r.set.Params, &p); err != nil {
		return 0, err
	}
	p.Quantile = 0.1 + float64(n%100)/1000
	text, err := json.Marshal(p)
	if err != nil {
		return 0, err
	}
	d, err := client.Put(ctx, "model-a", registry.Change{Params: text}, registry.Options{})
	return d.Version, err
}

// serves waits until the one replica serves a version, or a later one.
func (r *replicas) serves(ctx context.Context, version int64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.address()+"/params", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			return fmt.Errorf("waiting for version %d: %w", version, err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			return fmt.Errorf("waiting for version %d: %w", version, err)
		}
		if now, _ := strconv.ParseInt(resp.Header.Get(serve.VersionHeader), 10, 64); now >= version {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// address is where the replica listens.
func (r *replicas) address() string {
	for _, i := range r.Instances() {
		if i.Model == "model-a" {
			return strings.TrimPrefix(i.URL, "http://")
		}
	}
	return ""
}

// plan is a load on the one replica.
func (r *replicas) plan(s *session) (load.Plan, error) {
	model, err := plain(&r.set)
	if err != nil {
		return load.Plan{}, err
	}
	list, err := exchanges(model)
	if err != nil {
		return load.Plan{}, err
	}
	return load.Plan{
		Addr: r.address(), Connections: connections, Exchanges: list,
		Warmup: min(time.Second, s.duration/3), Duration: s.duration,
	}, nil
}
