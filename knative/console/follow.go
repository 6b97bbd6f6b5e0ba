package console

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/console/live"
	"github.com/modelfn/modelfn/knative/registry"
)

// follower follows the params of one model, and the replicas that run them.
type follower struct {
	watch *watch
	model string
	end   context.CancelFunc
	look  chan struct{} // holds something if there may be a new version

	mu       sync.Mutex    // guards what follows
	list     []ParamsEvent // the newest versions, the newest first
	current  ParamsEvent   // version 0 if there is none
	replicas []byte        // the event, nil until it was made
	read     bool          // the versions were read once
}

func newFollower(w *watch, model string, end context.CancelFunc) *follower {
	return &follower{watch: w, model: model, end: end, look: make(chan struct{}, 1)}
}

// How often the replicas are looked at: often after new params, so that one sees
// them follow.
const (
	replicasSoon  = 20 * time.Millisecond  // within soonFor
	replicasLater = 100 * time.Millisecond // within laterFor
	replicasIdle  = 2 * time.Second
	soonFor       = time.Second
	laterFor      = 5 * time.Second
)

// The pauses after the registry did not answer, and after it knew no such model.
const (
	afterFailure = time.Second
	afterUnknown = 5 * time.Second
)

// mostVersions is how many versions of a model the log begins with.
const mostVersions = 20

func (f *follower) poke() {
	select {
	case f.look <- struct{}{}:
	default:
	}
}

// run follows until ctx ends.
func (f *follower) run(ctx context.Context) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	waiting.Go(func() { f.wait(ctx) })
	next := time.NewTimer(afterFailure) // unless the first look comes sooner
	defer next.Stop()
	var news time.Time // when the last version came
	f.poke()
	for {
		select {
		case <-f.look:
			if f.readVersions(ctx) {
				news = time.Now()
			}
			next.Reset(0)
		case <-next.C:
			if !f.known() {
				f.readVersions(ctx)
			}
			f.readReplicas(ctx)
			next.Reset(pauseAfter(time.Since(news)))
		case <-ctx.Done():
			return
		}
	}
}

// known reports whether the versions were read.
func (f *follower) known() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}

func pauseAfter(news time.Duration) time.Duration {
	switch {
	case news < soonFor:
		return replicasSoon
	case news < laterFor:
		return replicasLater
	default:
		return replicasIdle
	}
}

// wait waits for another current document, again and again.
func (f *follower) wait(ctx context.Context) {
	have := params.Document{Model: f.model} // no version: whatever is current is news
	for ctx.Err() == nil {
		next, changed, err := f.watch.g.client.Wait(ctx, have)
		if err != nil {
			pause := afterFailure
			if registry.IsNotFound(err) {
				pause = afterUnknown
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		if changed {
			have = next
			f.learn(&next)
		}
		f.poke() // a held version ends no wait
	}
}

// learn notes the current document.
func (f *follower) learn(d *params.Document) {
	f.mu.Lock()
	f.current = ParamsEvent{Model: f.model, ParamsInfo: infoOf(d), Current: d.Version}
	f.mu.Unlock()
	f.watch.learn(f.model, infoOf(d))
}

// readVersions tells of the versions that came since the last look, and reports
// whether there were any.
func (f *follower) readVersions(ctx context.Context) bool {
	f.mu.Lock()
	known, first := int64(0), !f.read
	if len(f.list) > 0 {
		known = f.list[0].Version
	}
	f.mu.Unlock()
	var fresh []ParamsEvent // the newest first
	for before := int64(0); ; {
		page, next, err := f.watch.g.client.Versions(ctx, f.model, before, mostVersions)
		if err != nil && !registry.IsNotFound(err) {
			return false // the next look finds them
		}
		for i := range page {
			if page[i].Version > known {
				fresh = append(fresh, ParamsEvent{Model: f.model, ParamsInfo: infoOf(&page[i])})
			}
		}
		if before = next; next <= known+1 || first {
			break
		}
	}
	f.add(fresh)
	return len(fresh) > 0 && !first
}

// add puts versions to those that are known, and tells of them; those of the first
// look as a log.
func (f *follower) add(fresh []ParamsEvent) {
	f.mu.Lock()
	first := !f.read
	f.read = true
	for i := range fresh {
		if !fresh[i].Held && fresh[i].Version > f.current.Version {
			f.current = fresh[i]
		}
	}
	for i := range fresh {
		fresh[i].Current = f.current.Version
	}
	f.list = append(slices.Clone(fresh), f.list...)
	f.list = f.list[:min(len(f.list), mostVersions)]
	f.mu.Unlock()
	switch {
	case len(fresh) == 0:
	case first:
		f.watch.publish(f.watch.log([]*follower{f}))
	default:
		for _, e := range slices.Backward(fresh) {
			f.watch.tell("params", "", e)
		}
	}
}

// readReplicas tells of the replicas if they changed.
func (f *follower) readReplicas(ctx context.Context) {
	list, err := f.watch.g.client.Replicas(ctx, f.model)
	if err != nil {
		return // the next look finds them
	}
	f.mu.Lock()
	e := f.watch.event("replicas", "replicas/"+f.model, ReplicasEvent{Model: f.model, Version: f.current.Version, Replicas: list})
	changed := !bytes.Equal(e.Data, f.replicas)
	f.replicas = e.Data
	f.mu.Unlock()
	if changed {
		f.watch.publish(e)
	}
}

// lastReplicas is the event that was told last.
func (f *follower) lastReplicas() (live.Event, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return live.Event{Name: "replicas", Key: "replicas/" + f.model, Data: f.replicas}, f.replicas != nil
}

// versions returns the current version, none if there is none, and the others of
// the newest.
func (f *follower) versions() (current, others []ParamsEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current.Version > 0 {
		current = append(current, f.current)
	}
	for _, e := range f.list {
		if e.Version != f.current.Version {
			others = append(others, e)
		}
	}
	return current, others
}
