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
// them have a new version; and in turn with it, how soon a thousand clients of a bare
// net/http handler have as many bytes, which it neither stores nor checks. Replicas
// and clients are simulated in this process, each with a connection of its own: a
// replica is the keeper of a function, without the function.
func watchers(ctx context.Context, s *session) (_ report, err error) {
	count := watcherCount
	if s.quick {
		count = 50
	}
	ctx, end := context.WithCancel(ctx)
	s.progress.say("watchers: starting the registry and the bare handler")
	replicas, err := watchRegistry(ctx, s, count)
	if err != nil {
		end()
		return nil, err
	}
	defer replicas.process.Stop()
	plain, err := watchBare(ctx, s, replicas)
	if err != nil {
		end()
		return nil, err
	}
	defer plain.process.Stop()
	defer plain.running.Wait()
	defer replicas.running.Wait()
	defer end()
	for n := range watcherPuts {
		s.progress.say("watchers: version %d of %d", n+1, watcherPuts)
		for _, w := range []*watching{replicas, plain} {
			if err := w.measure(ctx, int64(n+1)); err != nil {
				return nil, err
			}
		}
	}
	f := &facts{Notes: fmt.Sprintf("%d simulated replicas, %d PUTs, each when all had the one before; they share the machine with the registry.\n"+
		"net/http: as many plain clients wait for a bare handler, in turn with the replicas; it sends as many bytes, and keeps nothing on a disk. (×) is the\n"+
		"median of the PUTs' ratios to it.", count, watcherPuts)}
	f.compare("from a PUT to the last, median", "ms", replicas.took, plain.took)
	slices.Sort(replicas.took)
	f.atMost(watchersBar, "from a PUT to the last, most", "ms", milliseconds(replicas.took[len(replicas.took)-1]))
	f.compare("processor time for a PUT, median", "ms", replicas.cpu, plain.cpu)
	s.progress.say("watchers: at rest")
	rest, err := replicas.atRest(ctx)
	if err != nil {
		return nil, err
	}
	f.add("processor time at rest, a second", "ms", milliseconds(rest))
	if err := compareMemory(f, replicas.process, plain.process); err != nil {
		return nil, err
	}
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

// watching is all that wait for one process.
type watching struct {
	process *program.Process
	put     func(n int64) error
	count   int
	running sync.WaitGroup
	arrived chan int64 // a version for each that has it now

	took, cpu []time.Duration // of each PUT: until the last had it, and of the process
}

// watchRegistry starts a registry, and replicas that have its first version.
func watchRegistry(ctx context.Context, s *session, count int) (*watching, error) {
	p, client, err := startRegistry(ctx, s)
	if err != nil {
		return nil, err
	}
	w := &watching{process: p, count: count, arrived: make(chan int64, count)}
	schema := jsontext.Value(watchersSchema)
	w.put = func(n int64) error {
		change := registry.Change{Params: fmt.Appendf(nil, `{"n":%d}`, n), Schema: schema}
		schema = nil
		_, err := client.Put(ctx, "model-a", change, registry.Options{})
		return err
	}
	if err = w.put(0); err == nil {
		for i := 0; i < count && err == nil; i++ {
			err = w.add(ctx, fmt.Sprintf("simulated-%d", i))
		}
	}
	if err == nil {
		err = w.all(ctx, 1)
	}
	if err != nil {
		p.Stop()
	}
	return w, err
}

// measure has all of them come from a version to the next.
func (w *watching) measure(ctx context.Context, version int64) error {
	before, err := w.process.CPU()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := w.put(version); err != nil {
		return err
	}
	if err := w.all(ctx, version+1); err != nil {
		return err
	}
	w.took = append(w.took, time.Since(start))
	after, err := w.process.CPU()
	w.cpu = append(w.cpu, after-before)
	return err
}

// atRest is the processor time that a process takes in a second in which nothing
// changes; a bare handler takes none.
func (w *watching) atRest(ctx context.Context) (time.Duration, error) {
	const seconds = 5
	before, err := w.process.CPU()
	if err != nil {
		return 0, err
	}
	select {
	case <-time.After(seconds * time.Second):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	after, err := w.process.CPU()
	return (after - before) / seconds, err
}

// add starts a replica.
func (w *watching) add(ctx context.Context, name string) error {
	transport := &http.Transport{}
	var keeper *params.Keeper[struct{}]
	source, err := params.NewRegistry(params.RegistryConfig{
		URL: "http://" + w.process.Addr, Model: "model-a", Transport: transport,
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

// all waits until every one has a version.
func (w *watching) all(ctx context.Context, version int64) error {
	deadline := time.After(time.Minute)
	for have := 0; have < w.count; {
		select {
		case v := <-w.arrived:
			if v == version {
				have++
			}
		case <-deadline:
			return fmt.Errorf("only %d of %d came to version %d", have, w.count, version)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
