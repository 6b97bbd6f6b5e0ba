package params_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// closing is a value that notices when it is used after its end, or closed twice.
type closing struct{ closed atomic.Int32 }

// TestSnapshotsAreClosedAfterTheirLastRequest acquires from many goroutines while
// snapshots are swapped.
func TestSnapshotsAreClosedAfterTheirLastRequest(t *testing.T) {
	s := &source{}
	var mu sync.Mutex
	var all []*closing
	k := params.NewKeeper(params.Config[*closing]{
		Source: s,
		Build: func(context.Context, params.Set) (*closing, func(), error) {
			c := &closing{}
			mu.Lock()
			all = append(all, c)
			mu.Unlock()
			return c, func() { c.closed.Add(1) }, nil
		},
	})
	docs := []params.Document{document(t, "model-a", 1, nil, `1`), document(t, "model-a", 2, nil, `2`)}
	s.wants(docs[0])
	require.NoError(t, k.Reconcile(t.Context()))

	const readers = 8
	swaps := 0
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var acquired atomic.Int64
	for range readers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				snapshot := k.Acquire()
				if snapshot == nil || snapshot.Value.closed.Load() != 0 {
					t.Error("a request got a snapshot that is closed")
					return
				}
				acquired.Add(1)
				if snapshot.Value.closed.Load() != 0 {
					t.Error("a snapshot was closed under a request")
				}
				snapshot.Release()
			}
		})
	}
	for ; (swaps < 2000 || acquired.Load() < 10_000) && !t.Failed(); swaps++ {
		s.wants(docs[(swaps+1)%2])
		require.NoError(t, k.Reconcile(t.Context()))
	}
	close(stop)
	wg.Wait()
	require.Len(t, all, swaps+1)
	for i, c := range all[:swaps] {
		require.Equal(t, int32(1), c.closed.Load(), "snapshot %d is closed once", i)
	}
	assert.Zero(t, all[swaps].closed.Load(), "the one that serves is not")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	k.Run(ended)
	assert.Equal(t, int32(1), all[swaps].closed.Load())
}

func TestASnapshotWithoutAnEndIsNotCounted(t *testing.T) {
	s := &source{}
	k := params.NewKeeper(params.Config[int]{
		Source: s,
		Build:  func(_ context.Context, set params.Set) (int, func(), error) { return int(set.Version), nil, nil },
	})
	s.wants(document(t, "model-a", 1, nil, `1`))
	require.NoError(t, k.Reconcile(t.Context()))
	old := k.Acquire()
	s.wants(document(t, "model-a", 2, nil, `2`))
	require.NoError(t, k.Reconcile(t.Context()))
	assert.Equal(t, 1, old.Value, "a request that holds one is not touched by a swap")
	old.Release()
	assert.Equal(t, 2, k.Acquire().Value)
}

func BenchmarkAcquire(b *testing.B) {
	for name, end := range map[string]func(){"counted": func() {}, "not counted": nil} {
		b.Run(name, func(b *testing.B) {
			s := &source{}
			k := params.NewKeeper(params.Config[int]{
				Source: s,
				Build:  func(context.Context, params.Set) (int, func(), error) { return 0, end, nil },
			})
			s.wants(document(b, "model-a", 1, nil, `1`))
			if err := k.Reconcile(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					k.Acquire().Release()
				}
			})
		})
	}
}

// history returns a history of versions that exist from 1 on, and what it did.
func history(broken func(version int64) error) (h *params.History[int64], events func() []string) {
	var mu sync.Mutex
	var list []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, fmt.Sprintf(format, args...))
	}
	h = params.NewHistory(
		func(_ context.Context, version int64) (params.Set, error) {
			note("load %d", version)
			return params.Set{Document: params.Document{Model: "m", Version: version}}, broken(version)
		},
		func(_ context.Context, set params.Set) (int64, func(), error) {
			if set.Version == 13 {
				panic("unlucky")
			}
			return set.Version, func() { note("close %d", set.Version) }, nil
		},
	)
	return h, func() []string {
		mu.Lock()
		defer mu.Unlock()
		news := list
		list = nil
		return news
	}
}
