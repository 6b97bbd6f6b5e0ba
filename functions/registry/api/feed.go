package api

import (
	"context"
	"sync"
	"time"
)

// probeEvery is how often the store is asked for a version that was written
// elsewhere, while somebody waits for one.
const probeEvery = 250 * time.Millisecond

// feed tells those who wait about the newest state of one model.
type feed struct {
	probe func(context.Context) // asks the store

	mu      sync.Mutex    // guards what follows
	newest  *state        // nil if none is known
	changed chan struct{} // closed when newest changes
	waiting int
	stop    func() // ends the probing; nil while nobody waits
}

func newFeed(probe func(context.Context)) *feed {
	return &feed{probe: probe, changed: make(chan struct{})}
}

// state returns what is known, and a channel that is closed when that changes.
func (f *feed) state() (*state, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest, f.changed
}

// publish makes s known, unless something newer is, and returns the newest.
func (f *feed) publish(s *state) *state {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.version() > f.newest.version() {
		f.newest = s
		close(f.changed)
		f.changed = make(chan struct{})
	}
	return f.newest
}

// wait returns the first state whose current document is none of those that tags
// name, and nil if ctx ends before there is one.
func (f *feed) wait(ctx context.Context, tags string) *state {
	f.enter()
	defer f.leave()
	for {
		newest, changed := f.state()
		if newest.news(tags) {
			return newest
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// enter starts the probing with the first who waits, leave ends it with the last.
func (f *feed) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting++; f.waiting > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var probing sync.WaitGroup
	probing.Go(func() { f.probing(ctx) })
	f.stop = func() {
		cancel()
		probing.Wait()
	}
}

func (f *feed) leave() {
	f.mu.Lock()
	stop := f.stop
	f.waiting--
	last := f.waiting == 0
	f.mu.Unlock()
	if last {
		stop()
	}
}

func (f *feed) probing(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.probe(ctx)
		}
	}
}
