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

	mu       sync.Mutex    // guards what follows, and the order of what is told
	read     bool          // the versions were read once
	list     []ParamsEvent // the newest versions, the newest first
	current  ParamsEvent   // version 0 if there is none
	listed   bool          // the replicas were read once
	replicas []registry.Replica
	told     []byte // the last event about replicas; nil before there was one
}

func newFollower(w *watch, model string, end context.CancelFunc) *follower {
	return &follower{watch: w, model: model, end: end, look: make(chan struct{}, 1)}
}

// mostVersions is how many versions of a model the log begins with.
const mostVersions = 20

// poke makes the follower look for new versions.
func (f *follower) poke() {
	select {
	case f.look <- struct{}{}:
	default: // it looks already
	}
}

// run follows until ctx ends.
func (f *follower) run(ctx context.Context) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	waiting.Go(func() { f.waitDocument(ctx) })
	waiting.Go(func() { f.waitReplicas(ctx) })
	f.poke()
	for {
		select {
		case <-f.look:
			if err := f.readVersions(ctx); err != nil {
				restAfter(ctx, err)
				f.poke()
			}
		case <-ctx.Done():
			return
		}
	}
}

// restAfter waits a while after an error of the registry.
func restAfter(ctx context.Context, err error) {
	after := time.Second
	if registry.IsNotFound(err) {
		after = 5 * time.Second // it is not for a moment that there is no such model
	}
	select {
	case <-time.After(after):
	case <-ctx.Done():
	}
}

// waitDocument waits for another current document, again and again.
func (f *follower) waitDocument(ctx context.Context) {
	have := params.Document{Model: f.model} // no version: whatever is current is news
	for ctx.Err() == nil {
		next, changed, err := f.watch.g.client.Wait(ctx, have)
		if err != nil {
			restAfter(ctx, err)
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
	info := infoOf(d)
	f.watch.learn(f.model, info)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current = ParamsEvent{Model: f.model, ParamsInfo: info, Current: d.Version}
}

// readVersions tells of the versions that came since the last look.
func (f *follower) readVersions(ctx context.Context) error {
	f.watch.reads <- struct{}{}
	defer func() { <-f.watch.reads }()
	f.mu.Lock()
	known, first := f.newest(), !f.read
	f.mu.Unlock()
	var fresh []ParamsEvent // the newest first
	for before := int64(0); ; {
		page, next, err := f.watch.g.client.Versions(ctx, f.model, before, mostVersions)
		if err != nil && !registry.IsNotFound(err) {
			return err
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
	f.tell(fresh)
	return nil
}

// tell tells of versions that are new, the newest first; of those of the first look
// as a log.
func (f *follower) tell(fresh []ParamsEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
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
	f.current.Current = f.current.Version
	f.list = append(slices.Clone(fresh), f.list...)
	f.list = f.list[:min(len(f.list), mostVersions)]
	if first {
		f.watch.publish(logEvent(f.versions()))
	} else {
		for _, e := range slices.Backward(fresh) {
			f.watch.tell("params", "", e)
		}
	}
	f.tellReplicas()
}

// newest is the newest version that was told, 0 if there is none. The lock is held.
func (f *follower) newest() int64 {
	if len(f.list) == 0 {
		return 0
	}
	return f.list[0].Version
}

// waitReplicas waits for another list of replicas, again and again.
func (f *follower) waitReplicas(ctx context.Context) {
	etag := ""
	for ctx.Err() == nil {
		list, next, err := f.watch.g.client.WaitReplicas(ctx, f.model, etag)
		switch {
		case err != nil:
			restAfter(ctx, err)
		case next == "":
			restAfter(ctx, nil) // a registry that holds no such answer
			fallthrough
		case next != etag:
			etag = next
			f.mu.Lock()
			f.replicas, f.listed = list, true
			f.tellReplicas()
			f.mu.Unlock()
		}
	}
}

// tellReplicas tells of the replicas if they, or the version that they should have,
// changed; of that only after the version itself was told. The lock is held.
func (f *follower) tellReplicas() {
	if !f.read || !f.listed || f.newest() < f.current.Version {
		return
	}
	list := f.replicas
	if list == nil {
		list = []registry.Replica{}
	}
	e := newEvent("replicas", "replicas/"+f.model, ReplicasEvent{Model: f.model, Version: f.current.Version, Replicas: list})
	if !bytes.Equal(e.Data, f.told) {
		f.told = e.Data
		f.watch.publish(e)
	}
}

// begin returns what a new stream is told: the versions, and the replicas if they
// are known.
func (f *follower) begin() (versions []ParamsEvent, replicas []live.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told != nil {
		replicas = append(replicas, live.Event{Name: "replicas", Key: "replicas/" + f.model, Data: f.told})
	}
	return f.versions(), replicas
}

// versions returns the newest versions, and the current one if it is not among them.
// The lock is held.
func (f *follower) versions() []ParamsEvent {
	current := func(e ParamsEvent) bool { return e.Version == f.current.Version }
	if f.current.Version > 0 && !slices.ContainsFunc(f.list, current) {
		return append(slices.Clone(f.list), f.current)
	}
	return f.list
}
