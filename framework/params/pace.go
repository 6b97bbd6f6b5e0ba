package params

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// backoff is a pause that doubles from first to most, each give or take a fifth,
// so that replicas that lost their source together do not come back together.
type backoff struct {
	first, most time.Duration
	now         time.Duration
}

// next waits, or until ctx ends.
func (b *backoff) next(ctx context.Context) {
	b.now = min(max(b.first, 2*b.now), b.most)
	b.wait(ctx, jitter(b.now))
}

func (b *backoff) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (b *backoff) reset() { b.now = 0 }

// jitter returns d, give or take a fifth.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-.5)*.4*float64(d))
}

// hints turns many hints into few loads: those that come while one is due share
// it, and one is due at most every hintEvery.
type hints struct {
	mu   sync.Mutex // guards what follows
	last time.Time  // when a load was due last
	due  *hinted
}

// hinted is a load that one or more hints wait for.
type hinted struct {
	done chan struct{}
	err  error // set before done is closed
}

const hintEvery = 200 * time.Millisecond

// Hint reconciles because somebody says that there is something new, and returns
// the outcome of a load that began after the call. At most five such loads a
// second are made, however many hints there are.
func (k *Keeper[T]) Hint(ctx context.Context) error {
	h, first := k.hints.join()
	if first {
		go k.follow(context.WithoutCancel(ctx), h) // for all that wait, not for this caller alone
	}
	select {
	case <-h.done:
		return h.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join returns the load that is due, and whether the caller is its first.
func (h *hints) join() (load *hinted, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.due == nil {
		h.due, first = &hinted{done: make(chan struct{})}, true
	}
	return h.due, first
}

// follow makes the load when it is due.
func (k *Keeper[T]) follow(ctx context.Context, h *hinted) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	k.hints.mu.Lock()
	wait := time.Until(k.hints.last.Add(hintEvery))
	k.hints.mu.Unlock()
	time.Sleep(wait)
	k.hints.mu.Lock()
	k.hints.last, k.hints.due = time.Now(), nil
	k.hints.mu.Unlock()
	h.err = k.Reconcile(ctx)
	close(h.done)
}
