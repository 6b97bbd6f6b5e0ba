package params_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		one, two := document(t, "model-a", 1, nil, `1`), document(t, "model-a", 2, nil, `2`)
		assert.Equal(t, params.Status{State: params.Loading}, b.Status())
		assert.Nil(t, b.Acquire())
		assert.False(t, b.Loaded())

		b.source.wants(one)
		began := time.Now()
		stop := b.run(t.Context())
		synctest.Wait()
		assert.Equal(t, []string{"swapped to 1"}, b.news())
		assert.Equal(t, `1`, b.serves())
		assert.True(t, b.Loaded())
		assert.Equal(t, params.Status{State: params.Serving, Since: began, Wanted: 1}, b.Status())

		for range 10 {
			aPoll()
		}
		assert.Empty(t, b.news(), "the same set is nothing new")
		assert.Equal(t, 1, b.built(`1`))
		assert.Equal(t, began, b.Status().Since)

		b.source.wants(two)
		aPoll()
		assert.Equal(t, []string{"closed 1", "swapped to 2"}, b.news())
		assert.Equal(t, `2`, b.serves())

		b.source.wants(one)
		aPoll()
		assert.Equal(t, []string{"closed 2", "swapped to 1"}, b.news(), "a lower version is applied too: the source is right")

		renumbered := one
		renumbered.Version = 3
		b.source.wants(renumbered)
		aPoll()
		assert.Equal(t, []string{"closed 1", "swapped to 3"}, b.news(), "the same content under another version is told apart")

		stop()
		assert.Equal(t, []string{"closed 1"}, b.news(), "what serves is closed at the end")
		assert.Nil(t, b.Acquire())
	})
}

func TestKeeperKeepsTheLastGoodSet(t *testing.T) {
	good, bad := document(t, "model-a", 1, nil, `"good"`), document(t, "model-a", 2, nil, `"bad"`)
	for name, broken := range map[string]any{
		"a fault": fmt.Errorf("building: %w", fault.Field("params.w", "missing")),
		"a panic": "index out of range",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(nil)
				b.breaks(`"bad"`, broken)
				b.source.wants(good)
				defer b.run(t.Context())()
				synctest.Wait()
				b.news()

				b.source.wants(bad)
				for range 5 {
					aPoll()
				}
				news := b.news()
				require.Len(t, news, 1, "it is reported once")
				assert.True(t, strings.HasPrefix(news[0], "rejected: "), news)
				assert.Equal(t, 1, b.built(`"bad"`), "and built once")
				assert.Equal(t, `"good"`, b.serves())

				status := b.Status()
				assert.Equal(t, params.Rejected, status.State)
				require.NotNil(t, status.Rejection)
				assert.Equal(t, bad.Version, status.Rejection.Version)
				assert.Equal(t, bad.Digest, status.Rejection.Digest)
				if name == "a fault" {
					assert.Equal(t, "params.w: missing", status.Rejection.Error)
				} else {
					assert.Equal(t, "building the model from the params panicked", status.Rejection.Error)
					assert.Contains(t, status.Err, "index out of range\n")
					assert.Contains(t, status.Err, "keeper_rig_test.go", "the log has the stack")
				}
				err := b.Reconcile(t.Context())
				assert.Equal(t, fault.Invalid, fault.From(err).Kind, "who asks hears of it each time")

				b.source.wants(good)
				aPoll()
				assert.Empty(t, b.news(), "the good set serves already")
				status = b.Status()
				assert.Equal(t, params.Serving, status.State)
				assert.Nil(t, status.Rejection, "the set that was refused is not wanted any more")
			})
		})
	}
}

func TestKeeperTellsRejectionsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		same := fault.Field("params.w", "missing")
		b.breaks(`2`, same)
		b.breaks(`3`, same)
		b.source.wants(document(t, "model-a", 1, nil, `1`))
		defer b.run(t.Context())()
		synctest.Wait()
		b.source.wants(document(t, "model-a", 2, nil, `2`))
		aPoll()
		b.source.wants(document(t, "model-a", 3, nil, `3`))
		for range 5 {
			aPoll()
		}
		assert.Equal(t, []string{"swapped to 1", "rejected: params.w: missing", "rejected: params.w: missing"}, b.news(), "two sets with one reason are two")
		assert.Equal(t, int64(3), b.Status().Rejection.Version)
		assert.Equal(t, 1, b.built(`3`))
	})
}

// TestKeeperEnds holds that nothing is left behind, whoever still asks.
func TestKeeperEnds(t *testing.T) {
	t.Run("in the middle of a build", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(func(cfg *params.Config[string]) {
				cfg.Build = func(ctx context.Context, _ params.Set) (string, func(), error) {
					<-ctx.Done()
					return "", nil, ctx.Err()
				}
			})
			b.source.wants(document(t, "model-a", 1, nil, `1`))
			stop := b.run(t.Context())
			synctest.Wait()
			stop()
			assert.Empty(t, b.news(), "an end is no failure")
		})
	})
	t.Run("and does nothing after", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(nil)
			b.source.wants(document(t, "model-a", 1, nil, `1`))
			stop := b.run(t.Context())
			synctest.Wait()
			stop()
			b.news()
			err := b.Reconcile(t.Context())
			assert.Equal(t, fault.Unavailable, fault.From(err).Kind)
			require.Error(t, b.Hint(t.Context()))
			assert.Empty(t, b.news())
			assert.Nil(t, b.Acquire())
		})
	})
	t.Run("after the last request", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(nil)
			b.source.wants(document(t, "model-a", 1, nil, `1`))
			stop := b.run(t.Context())
			synctest.Wait()
			held, also := b.Acquire(), b.Acquire()
			stop()
			held.Release()
			assert.Equal(t, []string{"swapped to 1"}, b.news(), "somebody still holds it")
			assert.Equal(t, `1`, also.Value)
			also.Release()
			assert.Equal(t, []string{"closed 1"}, b.news())
		})
	})
}

// TestKeeperOfAFile runs the real thing once: a file, and the wall clock.
func TestKeeperOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bundle.json")
	write(t, path, encode(t, document(t, "model-a", 1, nil, `"one"`)))
	b := newBench(func(cfg *params.Config[string]) {
		cfg.Source, cfg.Poll = params.NewFile(path, "model-a"), 10*time.Millisecond
	})
	stop := b.run(t.Context())
	defer stop()
	require.Eventually(t, func() bool { return b.serves() == `"one"` }, within, time.Millisecond)
	write(t, path, []byte(`{"documents":[`))
	require.Eventually(t, func() bool { return b.Status().State == params.Rejected }, within, time.Millisecond)
	assert.Equal(t, `"one"`, b.serves())
	behind := b.Status().Behind
	assert.False(t, behind.IsZero(), "whatever its version, it should serve")
	write(t, path, []byte(`{"documents":[[`))
	require.Error(t, b.Reconcile(t.Context()))
	assert.Equal(t, behind, b.Status().Behind)
	write(t, path, encode(t, document(t, "model-a", 2, nil, `"two"`)))
	require.Eventually(t, func() bool { return b.serves() == `"two"` }, within, time.Millisecond)
	assert.Equal(t, params.Serving, b.Status().State)
	assert.Zero(t, b.Status().Behind)
}

// TestStand holds that a snapshot and the status that belongs to it change at once:
// whoever was answered from new params is not told of what was before.
func TestStand(t *testing.T) {
	var b *bench
	var told []params.Status
	b = newBench(func(cfg *params.Config[string]) {
		cfg.Swapped = func(now *params.Snapshot[string], _ time.Duration) {
			s, status := b.Stand()
			defer s.Release()
			assert.Same(t, now, s)
			told = append(told, status)
		}
	})
	s, status := b.Stand()
	require.Nil(t, s)
	require.Equal(t, params.Loading, status.State)

	b.source.wants(document(t, "model-a", 1, nil, `{"it":"good"}`))
	require.NoError(t, b.Reconcile(t.Context()))
	b.breaks(`{"it":"bad"}`, fault.New(fault.Invalid, "it does not fit"))
	b.source.wants(document(t, "model-a", 2, nil, `{"it":"bad"}`))
	require.Error(t, b.Reconcile(t.Context()))
	require.Equal(t, params.Rejected, b.Status().State)
	b.source.wants(document(t, "model-a", 3, nil, `{"it":"better"}`))
	require.NoError(t, b.Reconcile(t.Context()))

	require.Len(t, told, 2)
	for i, version := range []int64{1, 3} {
		assert.Equal(t, params.Status{State: params.Serving, Since: told[i].Since, Wanted: version}, told[i])
		assert.False(t, told[i].Since.IsZero())
	}
}
