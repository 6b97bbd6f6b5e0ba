package folder

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
)

// faults are what a disk may answer.
var faults = []error{syscall.ENOSPC, syscall.EROFS, syscall.EIO, syscall.EDQUOT}

// writing are the calls that a full or read-only disk refuses. One that is broken
// refuses to sync, too.
var writing = map[string]bool{"Mkdir": true, "Create": true, "Write": true, "Sync": true, "Link": true, "Remove": true}

// writeAgain makes the steps as clients do who come again after a failure. What a
// step was told must hold: a conflict can only come from its own earlier attempt.
func writeAgain(t *testing.T, d *testDisk, when string) told {
	t.Helper()
	told := told{}
	stores := []*store.Store{store.New(open(d)), store.New(open(d))}
	for i, step := range steps {
		s, want := stores[i%2], content(step.name, step.version)
		err := s.Append(t.Context(), step.name, step.version, want)
		for range 3 {
			if err == nil || errors.Is(err, store.ErrConflict) {
				break
			}
			require.ErrorIs(t, err, store.ErrUnavailable, when)
			err = s.Append(t.Context(), step.name, step.version, want)
		}
		if errors.Is(err, store.ErrConflict) {
			data, readErr := s.Get(t.Context(), step.name, step.version)
			require.NoError(t, readErr, when)
			require.Equal(t, want, data, when)
			err = nil
		}
		require.NoError(t, err, when)
		told.note(step.name, step.version)
	}
	return told
}

// TestAnyCallFailsOnce, with the work done or not: everything is written, once.
func TestAnyCallFailsOnce(t *testing.T) {
	for _, done := range []bool{false, true} {
		reached := true
		for number := 1; reached; number++ {
			reached = false
			synctest.Test(t, func(t *testing.T) {
				d := newTestDisk()
				when := fmt.Sprintf("call %d, done: %v", number, done)
				fail := func(call int, name string) error {
					if call == number {
						reached = true
						return &failure{name, syscall.EIO}
					}
					return nil
				}
				d.before = fail
				if done {
					d.before, d.after = nil, fail
				}
				told := writeAgain(t, d, when)
				d.before, d.after = nil, nil
				requireSurvival(t, d, told, when)
			})
		}
	}
}

type failure struct {
	call  string
	cause error
}

func (f *failure) Error() string { return f.call + ": " + f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

// TestDiskFailsForGood, from any call on: writes say so, what is there can be read
// (unless it cannot be known to stay), and nothing that was acknowledged is lost,
// with a crash or without.
func TestDiskFailsForGood(t *testing.T) {
	for i, fault := range faults {
		t.Run(fault.Error(), func(t *testing.T) {
			for number := 1 + i; number < 70; number += 3 { // another third for each
				synctest.Test(t, func(t *testing.T) { failForGood(t, fault, number) })
			}
		})
	}
}

func failForGood(t *testing.T, fault error, from int) {
	d := newTestDisk()
	broken := errors.Is(fault, syscall.EIO)
	d.before = func(call int, name string) error {
		if call >= from && (writing[name] || broken && name == "SyncDir") {
			return fault
		}
		return nil
	}
	told := told{}
	s := store.New(open(d))
	for _, step := range steps {
		err := s.Append(t.Context(), step.name, step.version, content(step.name, step.version))
		if err == nil {
			told.note(step.name, step.version)
			continue
		}
		if !errors.Is(err, store.ErrConflict) { // as the version before is missing
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.ErrorIs(t, err, fault)
		}
		break
	}
	if !broken {
		now := read(t, s, "failing")
		for name := range told {
			require.GreaterOrEqual(t, now[name], told[name])
		}
	}
	d.before = nil
	requireSurvival(t, d, told, fmt.Sprint("after failing from call ", from))
	requireIntact(t, d, told, "healed")
}

// TestSlowDisk: who waits is let go when the time is up, though the call goes on
// and may get through.
func TestSlowDisk(t *testing.T) {
	for _, slow := range []string{"Create", "Write", "Sync", "Link", "SyncDir"} {
		synctest.Test(t, func(t *testing.T) {
			d, release := newTestDisk(), make(chan struct{})
			f := open(d)
			s := store.New(f)
			require.NoError(t, s.Append(t.Context(), "model-a", 1, nil))
			d.before = func(_ int, name string) error {
				if name == slow {
					<-release
				}
				return nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			err := s.Append(ctx, "model-a", 2, []byte("late"))
			require.ErrorIs(t, err, store.ErrUnavailable, slow)
			require.ErrorIs(t, err, context.DeadlineExceeded, slow)
			require.Equal(t, time.Second, time.Since(began), slow)

			close(release)
			require.NoError(t, f.Close()) // waits for the call
			data, err := s.Get(t.Context(), "model-a", 2)
			require.NoError(t, err, slow)
			require.Equal(t, "late", string(data), slow)
			require.ErrorIs(t, s.Append(t.Context(), "model-a", 2, nil), store.ErrConflict, slow)
		})
	}
}

// TestHangingDisk: callers beyond the calls that hang do not even begin.
func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, release := newTestDisk(), make(chan struct{})
		f := open(d)
		d.before = func(int, string) error { <-release; return nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for range 3 * atOnce {
			go f.Get(ctx, "params/model-a/1")
		}
		synctest.Wait()
		require.Equal(t, atOnce, d.calls-1, "calls under way, besides the one of open")
		_, err := f.Get(ctx, "params/model-a/1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		require.NoError(t, f.Close())
	})
}
