package params_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

func TestKeeperWhoseSourceIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		away := errors.New("dial tcp: refused")
		one, two := document(t, "model-a", 1, nil, `1`), document(t, "model-a", 2, nil, `2`)
		b.source.wants(one)
		defer b.run(t.Context())()
		synctest.Wait()
		since := b.Status().Since

		b.source.fails(away)
		for range 5 {
			aPoll()
		}
		assert.Equal(t, []string{"swapped to 1", "stale: dial tcp: refused"}, b.news(), "it is reported once")
		assert.Equal(t, params.Status{State: params.Stale, Since: since, Err: "dial tcp: refused", Wanted: 1}, b.Status())
		assert.Equal(t, `1`, b.serves())

		b.source.wants(one)
		aPoll()
		assert.Empty(t, b.news(), "it is back with the same set")
		assert.Equal(t, params.Status{State: params.Serving, Since: since, Wanted: 1}, b.Status())

		b.source.fails(away)
		aPoll()
		assert.Equal(t, []string{"stale: dial tcp: refused"}, b.news(), "away again is reported again")
		b.source.wants(two)
		aPoll()
		assert.Equal(t, []string{"closed 1", "swapped to 2"}, b.news())
	})
}

// TestKeeperWhoseSourceIsAwayAfterARejection holds that a set which was refused
// is still known to be so when the source comes back with it.
func TestKeeperWhoseSourceIsAwayAfterARejection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.breaks(`2`, fault.Field("params.w", "missing"))
		b.source.wants(document(t, "model-a", 1, nil, `1`))
		defer b.run(t.Context())()
		synctest.Wait()
		b.source.wants(document(t, "model-a", 2, nil, `2`))
		aPoll()
		rejected := b.Status()
		require.Equal(t, params.Rejected, rejected.State)
		b.source.fails(errors.New("away"))
		aPoll()
		assert.Equal(t, params.Stale, b.Status().State)
		assert.Equal(t, rejected.Rejection, b.Status().Rejection)
		b.news()

		b.source.wants(document(t, "model-a", 2, nil, `2`))
		for range 3 {
			aPoll()
		}
		assert.Equal(t, rejected, b.Status())
		assert.Equal(t, 1, b.built(`2`))
		assert.Empty(t, b.news())
	})
}

// TestKeeperTriesAgain holds that what is not about the set is tried again.
func TestKeeperTriesAgain(t *testing.T) {
	for name, broken := range map[string]error{
		"an error":     errors.New("no memory"),
		"a dependency": fault.Away(time.Second, nil, "component-d is not available"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(nil)
				b.breaks(`1`, broken)
				b.source.wants(document(t, "model-a", 1, nil, `1`))
				defer b.run(t.Context())()
				aPoll()
				aPoll()
				assert.Equal(t, []string{"stale: " + broken.Error()}, b.news())
				assert.Greater(t, b.built(`1`), 2)
				assert.Equal(t, params.Loading, b.Status().State)
				assert.Nil(t, b.Status().Rejection)
				b.breaks(`1`, nil)
				aPoll()
				assert.Equal(t, []string{"swapped to 1"}, b.news())
			})
		})
	}
}

// TestKeeperTriesAgainAfterADeadline holds that a build which had no more time says
// nothing about the set, whatever it blames.
func TestKeeperTriesAgainAfterADeadline(t *testing.T) {
	for name, blame := range map[string]error{
		"the deadline": context.DeadlineExceeded,
		"the set":      fault.Field("params", "not warmed up"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := true
				b := newBench(func(cfg *params.Config[string]) {
					cfg.Build = func(ctx context.Context, _ params.Set) (string, func(), error) {
						if !slow {
							return "built", nil, nil
						}
						<-ctx.Done()
						return "", nil, blame
					}
				})
				b.source.wants(document(t, "model-a", 1, nil, `1`))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.ErrorIs(t, b.Reconcile(ctx), context.DeadlineExceeded)
				slow = false
				require.NoError(t, b.Reconcile(t.Context()))
				assert.Equal(t, []string{"swapped to 1"}, b.news())
			})
		})
	}
}

func TestKeeperThatCannotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.source.fails(fmt.Errorf("bundle x: %w", fault.Field("documents", "no document of model-a")))
		defer b.run(t.Context())()
		aPoll()
		aPoll()
		assert.Equal(t, []string{"rejected: bundle x: documents: no document of model-a"}, b.news())
		status := b.Status()
		assert.Equal(t, params.Loading, status.State, "there is nothing to serve")
		require.NotNil(t, status.Rejection)
		assert.Equal(t, "documents: no document of model-a", status.Rejection.Error)
		b.source.wants(document(t, "model-a", 1, nil, `1`))
		aPoll()
		assert.Equal(t, params.Serving, b.Status().State)
	})
}

func TestKeeperFallsBack(t *testing.T) {
	one, two := document(t, "model-a", 1, nil, `1`), document(t, "model-a", 2, nil, `2`)
	fallback := &source{}
	with := func(cfg *params.Config[string]) { cfg.Fallback, cfg.StartTimeout = fallback, 5*time.Second }
	t.Run("after the time for the start, until the source answers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(with)
			fallback.wants(one)
			b.source.fails(errors.New("away"))
			defer b.run(t.Context())()
			time.Sleep(4 * time.Second)
			synctest.Wait()
			assert.Equal(t, []string{"stale: away"}, b.news())
			assert.Empty(t, b.serves())
			time.Sleep(3 * time.Second)
			synctest.Wait()
			assert.Equal(t, []string{"swapped to 1"}, b.news())
			assert.Equal(t, `1`, b.serves())
			assert.Equal(t, params.Stale, b.Status().State)
			assert.False(t, b.Status().Since.IsZero())
			b.source.wants(two)
			aPoll()
			assert.Equal(t, []string{"closed 1", "swapped to 2"}, b.news())
			assert.Equal(t, params.Serving, b.Status().State)
		})
	})
	t.Run("not to what does not fit, which is told once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(with)
			b.breaks(`1`, fault.Field("params.w", "missing"))
			fallback.wants(one)
			b.source.fails(errors.New("away"))
			defer b.run(t.Context())()
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Equal(t, []string{"stale: away", "stale: away; and the fallback does not serve: params.w: missing"}, b.news())
			assert.Equal(t, 1, b.built(`1`))
			assert.Equal(t, params.Loading, b.Status().State)
		})
	})
	t.Run("not to what is not there, which is told once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(with)
			fallback.fails(errors.New("no such file"))
			b.source.fails(errors.New("away"))
			defer b.run(t.Context())()
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Equal(t, []string{"stale: away", "stale: away; and the fallback does not serve: no such file"}, b.news())
		})
	})
	t.Run("not when the source has a set that does not fit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(with)
			fallback.wants(one)
			b.breaks(`2`, fault.Field("params.w", "missing"))
			b.source.wants(two)
			defer b.run(t.Context())()
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Equal(t, []string{"rejected: params.w: missing"}, b.news())
			assert.Empty(t, b.serves())
		})
	})
}
