package params_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.source.wants(document(t, "model-a", 1, nil, `1`))
		require.NoError(t, b.Hint(t.Context()), "one is followed at once")
		began, before := time.Now(), b.source.loads
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				assert.NoError(t, b.Hint(t.Context()))
			})
		}
		all.Wait()
		took := time.Since(began)
		b.source.mu.Lock()
		loads := b.source.loads - before
		b.source.mu.Unlock()
		assert.LessOrEqual(t, loads, 1+int(took/(200*time.Millisecond)), "at most five a second")
		assert.Greater(t, loads, 2)

		b.source.fails(errors.New("away"))
		require.EqualError(t, b.Hint(t.Context()), "away", "who hints hears how it went")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, b.Hint(ctx), context.Canceled)
		time.Sleep(time.Second)
	})
}

func TestReconcileWhoseCallerGoesAway(t *testing.T) {
	b := newBench(nil)
	b.source.wants(document(t, "model-a", 1, nil, `1`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.Reconcile(ctx), context.Canceled)
	assert.Empty(t, b.news())
	require.NoError(t, b.Reconcile(t.Context()))
	require.NoError(t, b.Reconcile(t.Context()), "again is the same")
	assert.Equal(t, []string{"swapped to 1"}, b.news())
}
