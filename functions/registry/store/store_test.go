package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) func() store.Objects {
		memory := new(storetest.Memory)
		return func() store.Objects { return memory }
	})
}

// TestHeadOfLongHistories counts the reads that find the newest version.
func TestHeadOfLongHistories(t *testing.T) {
	for _, test := range []struct{ versions, cold int64 }{
		{0, 1}, {1, 3}, {2, 4}, {1000, 20}, {4096, 26}, {100_000, 34},
	} {
		t.Run(fmt.Sprint(test.versions), func(t *testing.T) {
			var reads atomic.Int64
			tap := &storetest.Tap{Objects: new(storetest.Memory)}
			writer := store.New(tap)
			for v := int64(1); v <= test.versions; v++ {
				require.NoError(t, writer.Append(t.Context(), "model-a", v, nil))
			}
			tap.Before = func(string, string) error { reads.Add(1); return nil }
			reader := store.New(tap)
			for _, atMost := range []int64{test.cold, 1} {
				reads.Store(0)
				head, err := reader.Head(t.Context(), "model-a")
				require.NoError(t, err)
				require.Equal(t, test.versions, head)
				require.LessOrEqual(t, reads.Load(), atMost)
			}
		})
	}
}

// TestLinearizable, with writes that fail before or after they are made, and reads
// that fail.
func TestLinearizable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := new(storetest.Memory)
		fail := func(string, string) error {
			if rand.IntN(5) == 0 {
				return store.Unavailable(errors.New("no answer"))
			}
			return nil
		}
		var stores [4]*store.Store
		for i := range stores {
			stores[i] = store.New(&storetest.Tap{Objects: memory, Before: fail, After: fail})
		}
		storetest.Linearizable(t, 12, 60, func(client int) *store.Store { return stores[client%len(stores)] })
	})
}
