package params

import (
	"sync/atomic"
	"time"
)

// Snapshot is a set and what was built from it. It is immutable; a request that
// holds one is not touched by later changes.
type Snapshot[T any] struct {
	Set   Set
	Value T
	Since time.Time // when it began to serve

	close func() // nil: nothing to close, so holders need not be counted
	refs  atomic.Int64
}

// newSnapshot returns a snapshot with one holder: the keeper.
func newSnapshot[T any](set Set, value T, closeValue func()) *Snapshot[T] {
	s := &Snapshot[T]{Set: set, Value: value, Since: time.Now(), close: closeValue}
	s.refs.Store(1)
	return s
}

// Release gives the snapshot back. After the last holder has, it is closed. To
// release nil does nothing.
func (s *Snapshot[T]) Release() {
	if s != nil && s.close != nil && s.refs.Add(-1) == 0 {
		s.close()
	}
}

// retain adds a holder, unless the last one has let go.
func (s *Snapshot[T]) retain() bool {
	for s.close != nil {
		n := s.refs.Load()
		if n <= 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			break
		}
	}
	return true
}

// cell holds the snapshot that serves.
type cell[T any] struct{ p atomic.Pointer[Snapshot[T]] }

// acquire returns the snapshot that serves, nil if none does yet.
func (c *cell[T]) acquire() *Snapshot[T] {
	for {
		s := c.p.Load()
		if s == nil || s.retain() {
			return s
		}
		// It was swapped out and closed since: there is another by now.
	}
}

// swap makes s the one that serves, and returns the former, nil if there was none,
// for the caller to release.
func (c *cell[T]) swap(s *Snapshot[T]) *Snapshot[T] { return c.p.Swap(s) }
