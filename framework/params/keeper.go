package params

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
)

// State says how a replica stands to the params that it should have.
type State string

// The states of a replica.
const (
	Loading  State = "loading"  // nothing to serve yet
	Serving  State = "serving"  // the wanted set serves
	Stale    State = "stale"    // the source is away; what was there last serves
	Rejected State = "rejected" // the wanted set does not fit; the last good one serves
	Draining State = "draining" // the replica is about to end
)

// Status is what a keeper tells about itself.
type Status struct {
	State     State
	Since     time.Time  // when the set that serves began to; zero if none does
	Rejection *Rejection // the last set that was refused, if it is still wanted
	Err       string     // why the state is Loading, Stale or Rejected; for the log, not for callers

	// Wanted is the version that should serve, as far as is known, and Behind since
	// when that was known and another one served; zero if the wanted one serves. A set
	// that cannot be read leaves Wanted as it is.
	Wanted int64
	Behind time.Time
}

// Rejection is a set that could not be applied.
type Rejection struct {
	Version int64     `json:"version"`
	Digest  string    `json:"digest,omitzero"`
	Error   string    `json:"error"`
	At      time.Time `json:"at"`
}

// refusal is a set that did not fit, and so will not the next time.
type refusal struct {
	pin Pin
	err error
}

// Config says what a keeper keeps.
type Config[T any] struct {
	// Source says what is wanted. A [Watcher] is also waited on.
	Source Source

	// Fallback is asked if Source could not be reached for StartTimeout (2 s if
	// zero) and nothing serves yet; nil for none. What it gives serves, as Stale,
	// until Source answers.
	Fallback     Source
	StartTimeout time.Duration

	// Build makes what serves a set, warmed up, and a function that closes it
	// after its last request, or nil. An error that holds a fault of another kind
	// than Unavailable, or a panic, is about the set, which is then rejected; after
	// any other, and after whatever comes once ctx has ended, the set is tried again.
	Build func(ctx context.Context, set Set) (value T, closeValue func(), err error)

	// Poll is how often the source is asked, give or take a fifth; 1 s if zero.
	Poll time.Duration

	// Swapped is told of every swap, Failed of every new reason why one did not
	// happen: each call comes from the goroutine that reconciles, one at a time.
	// Both may be nil.
	Swapped func(now *Snapshot[T], took time.Duration)
	Failed  func(state State, err error)
}

// Keeper keeps a model on the set that its source wants.
type Keeper[T any] struct {
	cfg  Config[T]
	cell cell[T]
	born time.Time

	flight  sync.Mutex // one reconciliation at a time; guards what follows
	refused refusal    // the last set that did not fit
	ended   bool

	hints hints

	mu     sync.Mutex // guards status, and cell against changes
	status Status     // of the snapshot in cell
}

// NewKeeper returns a keeper that has loaded nothing yet; [Keeper.Run] starts it.
func NewKeeper[T any](cfg Config[T]) *Keeper[T] {
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.StartTimeout <= 0 {
		cfg.StartTimeout = 2 * time.Second
	}
	return &Keeper[T]{cfg: cfg, born: time.Now(), status: Status{State: Loading}}
}

// Acquire returns the snapshot that serves now, nil before the first one. The
// caller releases it after use and changes nothing in it.
func (k *Keeper[T]) Acquire() *Snapshot[T] { return k.cell.acquire() }

// Loaded reports whether there is a snapshot to serve.
func (k *Keeper[T]) Loaded() bool { return k.cell.p.Load() != nil }

// Status returns how the keeper stands. It is never older than a snapshot that was
// acquired before.
func (k *Keeper[T]) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// Stand returns the snapshot that serves, acquired, and the status that belongs to it.
func (k *Keeper[T]) Stand() (*Snapshot[T], Status) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cell.acquire(), k.status
}

// Run reconciles now, whenever the source tells of a change, and at every poll,
// until ctx ends; then it closes the snapshot that serves, once the last request
// has released it.
func (k *Keeper[T]) Run(ctx context.Context) {
	var loops sync.WaitGroup
	if w, ok := k.cfg.Source.(Watcher); ok {
		loops.Go(func() { k.watch(ctx, w) })
	}
	loops.Go(func() { k.poll(ctx) })
	loops.Wait()
	k.flight.Lock()
	defer k.flight.Unlock()
	k.ended = true
	k.mu.Lock()
	last := k.cell.swap(nil)
	k.mu.Unlock()
	last.Release()
}

// poll reconciles again and again: quickly until something serves, slowly after.
func (k *Keeper[T]) poll(ctx context.Context) {
	pause := backoff{first: 20 * time.Millisecond, most: min(k.cfg.Poll, time.Second)}
	for ctx.Err() == nil {
		_ = k.Reconcile(ctx) // the status tells
		if k.Loaded() {
			pause.wait(ctx, jitter(k.cfg.Poll))
		} else {
			pause.next(ctx)
		}
	}
}

// watch reconciles when the source tells of a change.
func (k *Keeper[T]) watch(ctx context.Context, w Watcher) {
	pause := backoff{first: 100 * time.Millisecond, most: 5 * time.Second}
	for ctx.Err() == nil {
		changed, err := w.Wait(ctx, k.have())
		if err == nil {
			pause.reset()
			if changed || k.Status().State == Stale {
				_ = k.Reconcile(ctx)
			}
			continue
		}
		if ctx.Err() == nil {
			_ = k.Reconcile(ctx) // it tells whether the source is away for good
			pause.next(ctx)
		}
	}
}

// have returns the set that serves, nil if none does.
func (k *Keeper[T]) have() *Set {
	if s := k.cell.p.Load(); s != nil {
		return &s.Set
	}
	return nil
}

// Reconcile brings the model to the set that its source wants. It is idempotent,
// may be called at any time from anywhere, and runs once at a time. On an error
// what serves goes on. After the end of Run it does nothing.
func (k *Keeper[T]) Reconcile(ctx context.Context) error {
	k.flight.Lock()
	defer k.flight.Unlock()
	if k.ended {
		return fault.New(fault.Unavailable, "the function has ended")
	}
	start, have := time.Now(), k.have()
	set, err := k.cfg.Source.Load(ctx, have)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if have == nil {
			err = k.fallBack(ctx, err)
		}
		return k.fail(Set{}, err)
	}
	if have == nil || !sameSet(have, &set) {
		k.want(set.Version, start)
		err = k.apply(ctx, set, start, Serving)
	}
	if err == nil {
		k.settle(Status{State: Serving, Since: k.since(), Wanted: set.Version})
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return k.fail(set, err)
}

// apply builds a set and swaps it in with the state that this makes, unless the set
// is known not to fit.
func (k *Keeper[T]) apply(ctx context.Context, set Set, start time.Time, state State) error {
	if k.refused.err != nil && k.refused.pin == set.Pin() {
		return k.refused.err
	}
	value, closeValue, err := fenced(ctx, k.cfg.Build, set)
	if err != nil {
		if isAboutSet(err) && ctx.Err() == nil {
			k.refused = refusal{set.Pin(), err}
		}
		return err
	}
	next := newSnapshot(set, value, closeValue)
	k.swap(next, state)
	if k.cfg.Swapped != nil {
		k.cfg.Swapped(next, time.Since(start))
	}
	return nil
}

// swap makes a snapshot the one that serves. Whoever is answered from it finds the
// status changed, too.
func (k *Keeper[T]) swap(next *Snapshot[T], state State) {
	k.mu.Lock()
	old := k.cell.swap(next)
	k.status.State, k.status.Since = state, next.Since
	if state == Serving {
		k.status = Status{State: Serving, Since: next.Since, Wanted: next.Set.Version}
	}
	k.mu.Unlock()
	old.Release() // may close the old one, which takes its time
}

// fenced builds a set. A panic says that the set does not fit: the function goes
// on with what it has.
func fenced[T any](ctx context.Context, build func(context.Context, Set) (T, func(), error), set Set) (value T, closeValue func(), err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault.Error{Kind: fault.Invalid, Message: "building the model from the params panicked", Err: fmt.Errorf("%v\n%s", p, debug.Stack())}
		}
	}()
	return build(ctx, set)
}

// fallBack serves what the fallback has, if the source was away for too long. It
// returns what is wrong: that the source is away, and what is with the fallback.
func (k *Keeper[T]) fallBack(ctx context.Context, cause error) error {
	if k.cfg.Fallback == nil || isAboutSet(cause) || time.Since(k.born) < k.cfg.StartTimeout {
		return cause
	}
	set, err := k.cfg.Fallback.Load(ctx, nil)
	if err == nil {
		err = k.apply(ctx, set, time.Now(), Stale)
	}
	if err != nil { // as text alone: a fault in it is not about what is wanted
		return fmt.Errorf("%w; and the fallback does not serve: %s", cause, err.Error())
	}
	return cause
}

// sameSet reports whether two sets are the same document; its digest names all
// that it requires.
func sameSet(a, b *Set) bool { return a.Version == b.Version && a.Digest == b.Digest }

// since is when what serves began to, zero if nothing does.
func (k *Keeper[T]) since() time.Time {
	if s := k.cell.p.Load(); s != nil {
		return s.Since
	}
	return time.Time{}
}

// settle stores the status.
func (k *Keeper[T]) settle(s Status) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status = s
}

// want notes that another version than the one that serves should.
func (k *Keeper[T]) want(version int64, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status.Wanted = version
	if k.status.Behind.IsZero() {
		k.status.Behind = now
	}
}

// isAboutSet reports whether an error is about a set, and not about reaching it.
func isAboutSet(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Kind != fault.Unavailable
}

// fail notes that the set, if it was loaded, could not be applied. A reason is
// reported once, not at every poll, nor when it comes back after another.
func (k *Keeper[T]) fail(set Set, err error) error {
	before := k.Status()
	after := Status{
		State: Stale, Since: k.since(), Rejection: before.Rejection, Err: err.Error(),
		Wanted: before.Wanted, Behind: before.Behind,
	}
	isNew := before.Err != after.Err
	if isAboutSet(err) {
		rejection := Rejection{Version: set.Version, Digest: set.Digest, Error: fault.From(err).Public(), At: time.Now()}
		after.State = Rejected
		if after.Behind.IsZero() { // not even its version could be read
			after.Behind = rejection.At
		}
		if isNew = !rejection.isAs(before.Rejection); isNew {
			after.Rejection = &rejection
		}
	}
	reported := after.State
	if !k.Loaded() {
		after.State = Loading
	}
	k.settle(after)
	if isNew && k.cfg.Failed != nil {
		k.cfg.Failed(reported, err)
	}
	return err
}

// isAs reports whether another rejection, if any, is of the same set and reason.
func (r *Rejection) isAs(other *Rejection) bool {
	return other != nil && r.Version == other.Version && r.Digest == other.Digest && r.Error == other.Error
}
