//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	documents "github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// The registry is killed while it writes: its program at once, and then its pod. The models
// go on, and once it is back each write that it had acknowledged is there as it was, each
// once, though a write that was not acknowledged is repeated until it is.
func TestRegistryKilledUnderLoad(t *testing.T) {
	changing(t)
	l := startLoad(t, host("model-a"), 4)
	w := startWriters(t, 4)
	w.goOn(t, 10)
	killed := pods(t, "service", "registry")
	require.Len(t, killed, 1)
	signal(t, killed[0], "SIGKILL")
	kubectl(t, "delete", "pod", killed[0], "--grace-period", "0", "--force")
	// The killed pod's program may be started once more, and acknowledge some, before the
	// pod is gone.
	eventually(t, "another registry alone", func() bool {
		now := slices.Collect(maps.Keys(runs(t, "registry")))
		return len(now) == 1 && now[0] != killed[0]
	})
	w.goOn(t, 100)
	w.stop()
	require.NotZero(t, w.failed, "a write was under way when the registry was killed")
	t.Logf("%d writes, %d attempts failed", len(w.acknowledged), w.failed)

	times := map[string]int{} // by message
	have := map[int64]documents.Document{}
	for _, d := range history(t, w.first()) {
		have[d.Version] = d
		times[d.Message]++
	}
	for _, d := range w.acknowledged {
		assert.Equal(t, d, have[d.Version])
		assert.Equal(t, 1, times[d.Message], d.Message)
	}
	current, err := registryClient(t).Current(t.Context(), "model-a")
	require.NoError(t, err)
	eventually(t, "the last params at the model", func() bool { return l.latest().digest == current.Digest })
	l.stop(t)
	l.allOK(t)
	l.unmixed(t)
}

// writers put new params of model-a, one after the other each, and repeat what is not
// acknowledged with the same key, as a careful client does.
type writers struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu           sync.Mutex // guards what follows
	acknowledged []documents.Document
	failed       int // attempts
}

func startWriters(t *testing.T, n int) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	w := &writers{cancel: cancel}
	to := registryClient(t)
	began := time.Now() // another run of the test makes other writes
	values := make([]jsontext.Value, 100)
	for bias := range values {
		values[bias] = biased(t, bias)
	}
	for i := range n {
		w.done.Go(func() {
			for turn := 0; ctx.Err() == nil; turn++ {
				name := fmt.Sprintf("%s, writer %d, write %d, %d", t.Name(), i, turn, began.UnixNano())
				change := registry.Change{Params: values[(len(values)/n*i+turn)%len(values)], Message: name}
				w.put(ctx, to, change, registry.Options{Key: name})
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

// put makes one write, however often it takes; the end of the writers cuts off none but
// one that fails.
func (w *writers) put(ctx context.Context, to *registry.Client, change registry.Change, o registry.Options) {
	for {
		d, err := to.Put(context.WithoutCancel(ctx), "model-a", change, o)
		w.mu.Lock()
		if err == nil {
			w.acknowledged = append(w.acknowledged, d)
		} else {
			w.failed++
		}
		w.mu.Unlock()
		if err == nil || ctx.Err() != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (w *writers) stop() {
	w.cancel()
	w.done.Wait()
}

// goOn waits until this many writes more are acknowledged.
func (w *writers) goOn(t *testing.T, writes int) {
	t.Helper()
	count := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.acknowledged)
	}
	want := count() + writes
	eventually(t, "more writes", func() bool { return count() >= want })
}

// first returns the first version that was acknowledged.
func (w *writers) first() int64 {
	first := w.acknowledged[0].Version
	for _, d := range w.acknowledged {
		first = min(first, d.Version)
	}
	return first
}

// history returns the versions of model-a from one on, and requires that there is no hole
// in them.
func history(t *testing.T, from int64) (all []documents.Document) {
	t.Helper()
	for before := int64(0); ; {
		page, next, err := registryClient(t).Versions(t.Context(), "model-a", before, 100)
		require.NoError(t, err)
		for _, d := range page {
			if len(all) > 0 {
				require.Equal(t, all[len(all)-1].Version-1, d.Version)
			}
			all = append(all, d)
			if d.Version == from {
				return all
			}
		}
		require.NotZero(t, next, "version %d is not there", from)
		before = next
	}
}
