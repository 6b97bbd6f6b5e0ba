//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/hack/bench/load"
	"github.com/modelfn/modelfn/hack/bench/program"
	"github.com/modelfn/modelfn/knative/registry"
)

const (
	watcherCount = 1000
	watcherPuts  = 20
	watchersBar  = 1000 // ms

	watchersSchema = `{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`
)

// watchers has a thousand replicas watch one registry, and measures how soon all of
// them have a new version. They are simulated in this process: each is the keeper of a
// function, with a connection of its own, and without the function.
func watchers(ctx context.Context, s *session) (_ report, err error) {
	s.progress.say("watchers: starting the registry")
	p, client, err := startRegistry(ctx, s)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	put := func(n int, schema jsontext.Value) error {
		change := registry.Change{Params: fmt.Appendf(nil, `{"n":%d}`, n), Schema: schema}
		_, err := client.Put(ctx, "model-a", change, registry.Options{})
		return err
	}
	if err := put(0, jsontext.Value(watchersSchema)); err != nil {
		return nil, err
	}
	count := watcherCount
	if s.quick {
		count = 50
	}
	w := &watching{count: count, arrived: make(chan int64, count)}
	ctx, end := context.WithCancel(ctx)
	defer w.running.Wait()
	defer end()
	for i := range count {
		if err := w.add(ctx, fmt.Sprintf("simulated-%d", i), "http://"+p.Addr); err != nil {
			return nil, err
		}
	}
	if err := w.all(ctx, 1); err != nil {
		return nil, err
	}
	before, err := p.CPU()
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for n := range watcherPuts {
		s.progress.say("watchers: version %d of %d", n+1, watcherPuts)
		start := time.Now()
		if err := put(n+1, nil); err != nil {
			return nil, err
		}
		if err := w.all(ctx, int64(n+2)); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	after, err := p.CPU()
	if err != nil {
		return nil, err
	}
	memory, peak, err := p.Memory()
	if err != nil {
		return nil, err
	}
	slices.Sort(took)
	f := &facts{Notes: fmt.Sprintf("%d simulated replicas, %d PUTs, each when all replicas had the one before; they share the machine with the registry.", count, watcherPuts)}
	f.add("from a PUT to the last replica, median", "ms", milliseconds(load.Quantile(took, 0.5)))
	f.atMost(watchersBar, "from a PUT to the last replica, most", "ms", milliseconds(took[len(took)-1]))
	f.add("the registry's processor time for a PUT", "ms", milliseconds((after-before)/watcherPuts))
	f.add("the registry's memory", "MB", float64(memory)/1e6)
	f.add("the registry's memory, peak", "MB", float64(peak)/1e6)
	return f, nil
}

// startRegistry starts a registry with a folder for its store.
func startRegistry(ctx context.Context, s *session) (*program.Process, *registry.Client, error) {
	path, err := program.Build(ctx, s.root, s.dir, "./functions/registry")
	if err != nil {
		return nil, nil, err
	}
	store := filepath.Join(s.dir, "store")
	if err := os.Mkdir(store, 0o755); err != nil {
		return nil, nil, err
	}
	p, err := program.Start(ctx, path, "HOST=127.0.0.1", "ADMIN_PORT=0", "STORE_URL=file://"+store)
	if err != nil {
		return nil, nil, err
	}
	client, err := registry.New("http://"+p.Addr, "")
	for err == nil {
		if _, listErr := client.List(ctx); listErr == nil {
			return p, client, nil
		} else if _, refused := errors.AsType[*registry.Error](listErr); refused {
			err = listErr
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	p.Stop()
	return nil, nil, err
}

// watching is the simulated replicas.
type watching struct {
	count   int
	running sync.WaitGroup
	arrived chan int64 // a version for each replica that swapped to it
}

func (w *watching) add(ctx context.Context, name, url string) error {
	transport := &http.Transport{}
	var keeper *params.Keeper[struct{}]
	source, err := params.NewRegistry(params.RegistryConfig{
		URL: url, Model: "model-a", Transport: transport,
		Self: func() params.Replica {
			s, status := keeper.Stand()
			defer s.Release()
			self := params.Replica{Name: name, Revision: "simulated", State: status.State}
			if s != nil {
				self.Version, self.Digest = s.Set.Version, s.Set.Digest
			}
			return self
		},
	})
	if err != nil {
		return err
	}
	keeper = params.NewKeeper(params.Config[struct{}]{
		Source: source, Poll: 10 * time.Second,
		Build:   func(context.Context, params.Set) (struct{}, func(), error) { return struct{}{}, nil, nil },
		Swapped: func(now *params.Snapshot[struct{}], _ time.Duration) { w.arrived <- now.Set.Version },
	})
	w.running.Go(func() {
		keeper.Run(ctx)
		transport.CloseIdleConnections()
	})
	return nil
}

// all waits until every replica has swapped to a version.
func (w *watching) all(ctx context.Context, version int64) error {
	deadline := time.After(time.Minute)
	for have := 0; have < w.count; {
		select {
		case v := <-w.arrived:
			if v == version {
				have++
			}
		case <-deadline:
			return fmt.Errorf("only %d of %d replicas came to version %d", have, w.count, version)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
