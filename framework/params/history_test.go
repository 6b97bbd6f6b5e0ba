package params_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

func none(int64) error { return nil }

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, events := history(none)
		use := func(version int64) {
			t.Helper()
			s, err := h.Acquire(t.Context(), version)
			require.NoError(t, err)
			assert.Equal(t, version, s.Value)
			s.Release()
			synctest.Wait()
		}
		use(1)
		use(1)
		assert.Equal(t, []string{"load 1"}, events(), "a version is loaded once")
		use(2)
		use(3)
		use(4)
		use(1)
		assert.Equal(t, []string{"load 2", "load 3", "load 4"}, events())
		use(5)
		assert.Equal(t, []string{"load 5", "close 2"}, events(), "four stay: the one that was not used for the longest goes")

		held, err := h.Acquire(t.Context(), 3)
		require.NoError(t, err)
		for v := int64(6); v < 10; v++ {
			use(v)
		}
		assert.NotContains(t, events(), "close 3", "one that is in use is not closed")
		held.Release()
		assert.Equal(t, []string{"close 3"}, events())

		h.Close()
		assert.ElementsMatch(t, []string{"close 6", "close 7", "close 8", "close 9"}, events())
		h.Close()
		assert.Empty(t, events())
	})
}

func TestHistoryLoadsAVersionOnceForAll(t *testing.T) {
	h, events := history(none)
	defer h.Close()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			s, err := h.Acquire(t.Context(), 7)
			if err != nil {
				t.Error(err)
				return
			}
			s.Release()
		})
	}
	all.Wait()
	assert.Equal(t, []string{"load 7"}, events())
}

func TestHistoryDoesNotKeepAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		h, events := history(func(int64) error { return away })
		defer h.Close()
		_, err := h.Acquire(t.Context(), 7)
		require.ErrorIs(t, err, away)
		synctest.Wait()
		_, err = h.Acquire(t.Context(), 7)
		require.ErrorIs(t, err, away)
		assert.Equal(t, []string{"load 7", "load 7"}, events())
	})
}

func TestHistoryOutlivesAPanic(t *testing.T) {
	h, _ := history(none)
	defer h.Close()
	_, err := h.Acquire(t.Context(), 13)
	require.ErrorContains(t, err, "unlucky")
	assert.Equal(t, fault.Invalid, fault.From(err).Kind)
	assert.Equal(t, "building the model from the params panicked", fault.From(err).Public())
}

func TestHistoryWhoseCallerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h, events := history(func(int64) error { <-release; return nil })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Acquire(ctx, 7)
		require.ErrorIs(t, err, context.Canceled)
		close(release)
		synctest.Wait()
		s, err := h.Acquire(t.Context(), 7)
		require.NoError(t, err, "the load went on for the others")
		s.Release()
		h.Close()
		assert.Equal(t, []string{"load 7", "close 7"}, events())
	})
}

// TestHistoryAtOnce asks for more versions than stay, from many goroutines.
func TestHistoryAtOnce(t *testing.T) {
	h, events := history(none)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 300 {
				version := int64(1 + (g+i)%7)
				s, err := h.Acquire(t.Context(), version)
				if err != nil || s.Value != version {
					t.Error(version, err)
					return
				}
				s.Release()
			}
		})
	}
	all.Wait()
	h.Close()
	loads, closes := 0, 0
	for _, e := range events() {
		if e[0] == 'l' {
			loads++
		} else {
			closes++
		}
	}
	assert.Equal(t, loads, closes, "each version that was loaded is closed")
}

// TestHistoryIsBounded asks for a hundred versions at once: no more than four are
// loaded at a time, whoever waits too long gives up, and no more than eight are there.
func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var alive atomic.Int64
		step := make(chan struct{})
		h := params.NewHistory(
			func(_ context.Context, version int64) (params.Set, error) {
				<-step
				return params.Set{Document: params.Document{Version: version}}, nil
			},
			func(_ context.Context, set params.Set) (int64, func(), error) {
				assert.LessOrEqual(t, alive.Add(1), int64(8))
				return set.Version, func() { alive.Add(-1) }, nil
			},
		)
		var all sync.WaitGroup
		var answered atomic.Int64
		ask := func(version int64, patience time.Duration, want error) {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				s, err := h.Acquire(ctx, version)
				if !assert.ErrorIs(t, err, want) || err != nil {
					return
				}
				assert.Equal(t, version, s.Value)
				s.Release()
				answered.Add(1)
			})
			synctest.Wait()
		}
		for version := int64(1); version <= 100; version++ {
			ask(version, time.Hour, nil)
		}
		ask(101, time.Second, context.DeadlineExceeded)
		ask(4, time.Hour, nil) // shares a load that is under way
		time.Sleep(time.Second)
		for n := range 25 {
			for range 4 {
				step <- struct{}{}
			}
			synctest.Wait()
			assert.EqualValues(t, 4*(n+1)+1, answered.Load(), "four at a time")
		}
		all.Wait()
		assert.EqualValues(t, 4, alive.Load())
		h.Close()
		assert.Zero(t, alive.Load())
	})
}
