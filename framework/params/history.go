package params

import (
	"context"
	"slices"
	"sync"
)

// How many former versions stay built, and how many are loaded at once.
const (
	historySize  = 4
	historyLoads = 4
)

// History serves the versions of a model that its callers name, beside the one
// that is current: a component answers each model with the version that the
// model was trained with. A version is loaded when it is asked for first, and at
// most four are at once; the last four that were used stay. So it holds no more
// than eight, and those in use, whatever it is asked for. It is safe for
// concurrent use.
type History[T any] struct {
	load   func(ctx context.Context, version int64) (Set, error)
	build  func(ctx context.Context, set Set) (T, func(), error)
	places chan struct{} // one for each load under way

	mu      sync.Mutex   // guards entries
	entries []*former[T] // the one used last comes first
}

// former is one version, loaded or being loaded.
type former[T any] struct {
	version  int64
	done     chan struct{} // closed when snapshot and err are set
	snapshot *Snapshot[T]
	err      error
}

// NewHistory returns an empty history that loads and builds what it is asked for.
func NewHistory[T any](load func(context.Context, int64) (Set, error), build func(context.Context, Set) (T, func(), error)) *History[T] {
	return &History[T]{load: load, build: build, places: make(chan struct{}, historyLoads)}
}

// Acquire returns the snapshot of a version, which the caller releases after use.
// Callers that ask for one version at once share one load; while there are as many
// loads as may be, one for another version waits, as long as ctx lets it.
func (h *History[T]) Acquire(ctx context.Context, version int64) (*Snapshot[T], error) {
	f, err := h.find(ctx, version)
	if err != nil {
		return nil, err
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.err != nil {
		return nil, f.err
	}
	if !f.snapshot.retain() {
		return h.Acquire(ctx, version) // it was dropped meanwhile
	}
	return f.snapshot, nil
}

// find returns a version that is there, or being loaded from now on.
func (h *History[T]) find(ctx context.Context, version int64) (*former[T], error) {
	h.mu.Lock()
	f := h.touch(version)
	h.mu.Unlock()
	if f != nil {
		return f, nil
	}
	select {
	case h.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if f = h.touch(version); f != nil { // another caller was first
		<-h.places
		return f, nil
	}
	f = &former[T]{version: version, done: make(chan struct{})}
	h.entries = append([]*former[T]{f}, h.entries...)
	go h.fill(context.WithoutCancel(ctx), f) // for all who wait, not for this caller alone
	return f, nil
}

// touch moves a version to the front and returns it, nil if it is not there.
func (h *History[T]) touch(version int64) *former[T] {
	for i, f := range h.entries {
		if f.version == version {
			copy(h.entries[1:i+1], h.entries[:i])
			h.entries[0] = f
			return f
		}
	}
	return nil
}

// fill loads a version, gives its place to the next, and drops those that were not
// used for the longest.
func (h *History[T]) fill(ctx context.Context, f *former[T]) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	set, err := h.load(ctx, f.version)
	if err == nil {
		var value T
		var closeValue func()
		if value, closeValue, err = fenced(ctx, h.build, set); err == nil {
			f.snapshot = newSnapshot(set, value, closeValue)
		}
	}
	f.err = err
	close(f.done)
	h.mu.Lock()
	defer h.mu.Unlock()
	<-h.places
	if err != nil {
		h.remove(f)
	}
	h.trim()
}

// trim drops the versions that are built and too many.
func (h *History[T]) trim() {
	built := 0
	for _, f := range slices.Clone(h.entries) {
		select {
		case <-f.done:
			if built++; built > historySize {
				h.remove(f)
				f.release()
			}
		default: // it is being loaded, and so in use
		}
	}
}

func (h *History[T]) remove(f *former[T]) {
	for i, e := range h.entries {
		if e == f {
			h.entries = append(h.entries[:i:i], h.entries[i+1:]...)
			return
		}
	}
}

func (f *former[T]) release() {
	if f.snapshot != nil {
		f.snapshot.Release()
	}
}

// Close drops all versions, each after its last request.
func (h *History[T]) Close() {
	h.mu.Lock()
	entries := h.entries
	h.entries = nil
	h.mu.Unlock()
	for _, f := range entries {
		<-f.done
		f.release()
	}
}
