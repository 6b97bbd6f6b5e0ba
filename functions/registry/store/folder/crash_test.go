package folder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/storetest"
)

// survivals are ways in which a crash treats what was not synced: all of it is
// lost, all is there, or chance decides.
func survivals(yield func(string, func() bool) bool) {
	if !yield("all lost", func() bool { return false }) || !yield("all kept", func() bool { return true }) {
		return
	}
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 0))
		if !yield(fmt.Sprint("seed ", seed), func() bool { return random.IntN(2) == 0 }) {
			return
		}
	}
}

// told is the newest version of each log that somebody was told of, so that it must
// be there for good.
type told map[string]int64

func (t told) note(name string, version int64) { t[name] = max(t[name], version) }

var steps = []struct {
	name    string
	version int64
}{{"model-a", 1}, {"model-a", 2}, {"schemas/model-a", 1}, {"model-a", 3}, {"model-b", 1}}

func content(name string, version int64) []byte {
	return fmt.Appendf(nil, "%s, version %d", name, version)
}

// write makes the steps, in turn over two handles to one disk as two processes have
// them, until the power goes.
func write(t *testing.T, d *testDisk) told {
	t.Helper()
	told := told{}
	stores := []*store.Store{store.New(open(d)), store.New(open(d))}
	for i, step := range steps {
		err := stores[i%2].Append(t.Context(), step.name, step.version, content(step.name, step.version))
		if errors.Is(err, errPower) {
			break
		}
		require.NoError(t, err)
		told.note(step.name, step.version)
	}
	return told
}

// read tells the newest version of each log, all of which must be whole.
func read(t *testing.T, s *store.Store, when string) told {
	t.Helper()
	told := told{}
	for _, name := range []string{"model-a", "model-b", "schemas/model-a"} {
		head, err := s.Head(t.Context(), name)
		require.NoError(t, err, when)
		told.note(name, head)
		for v := int64(1); v <= head; v++ {
			data, err := s.Get(t.Context(), name, v)
			require.NoError(t, err, when)
			require.Equal(t, content(name, v), data, when)
		}
		for v := head + 1; v < head+5; v++ {
			_, err := s.Get(t.Context(), name, v)
			require.ErrorIs(t, err, store.ErrNotFound, "%s: a hole below version %d of %s", when, v, name)
		}
	}
	return told
}

// requireIntact asserts that a disk has all that was told, no hole, nothing torn,
// and that it can be written to. It returns what is told now.
func requireIntact(t *testing.T, d *testDisk, before told, when string) told {
	t.Helper()
	s := store.New(open(d))
	now := read(t, s, when)
	for name := range now {
		require.GreaterOrEqual(t, now[name], before[name], "%s: %s lost what was told", when, name)
		require.NoError(t, s.Append(t.Context(), name, now[name]+1, content(name, now[name]+1)), when)
		now[name]++
	}
	models, err := s.Models(t.Context())
	require.NoError(t, err, when)
	require.Equal(t, []string{"model-a", "model-b"}, models, when)
	return now
}

// requireSurvival crashes a disk in many ways, twice each.
func requireSurvival(t *testing.T, d *testDisk, told told, when string) {
	t.Helper()
	for how, survives := range survivals {
		when := when + ", " + how
		after := d.restart(survives)
		now := requireIntact(t, after, told, when)
		requireIntact(t, after.restart(survives), now, when+", and again")
	}
}

// atEachCall runs a test once for each call that writing makes to the disk, until
// there is none of that number. hook is called before the call.
func atEachCall(t *testing.T, hook func(t *testing.T, d *testDisk), test func(t *testing.T, d *testDisk, when string)) {
	reached := true
	for number := 1; reached; number++ {
		reached = false
		synctest.Test(t, func(t *testing.T) {
			d := newTestDisk()
			when := "" // the name of the call
			d.before = func(call int, name string) error {
				if call == number {
					reached, when = true, fmt.Sprintf("before call %d, %s", number, name)
					hook(t, d)
				}
				return nil
			}
			test(t, d, when)
		})
	}
}

// TestCrashBetweenAnyTwoCalls: what was acknowledged is there, whatever else is.
func TestCrashBetweenAnyTwoCalls(t *testing.T) {
	calls := 0
	atEachCall(t, func(_ *testing.T, d *testDisk) { d.stop() }, func(t *testing.T, d *testDisk, when string) {
		calls++
		requireSurvival(t, d, write(t, d), when)
	})
	require.Greater(t, calls, 40)
}

// TestCrashAfterReading: what a reader was told is there, though the writer never
// came to sync it.
func TestCrashAfterReading(t *testing.T) {
	var seen told
	look := func(t *testing.T, d *testDisk) {
		seen = read(t, store.New(open(&testDisk{top: d.top})), "reading")
		d.stop()
	}
	atEachCall(t, look, func(t *testing.T, d *testDisk, when string) {
		seen = told{}
		told := write(t, d)
		for name := range seen {
			told.note(name, seen[name])
		}
		requireSurvival(t, d, told, when)
	})
}

// TestCrashUnderWriters stops the disk below many writers at once.
func TestCrashUnderWriters(t *testing.T) {
	const writers, handles = 8, 3
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			d := newTestDisk()
			last := rand.New(rand.NewPCG(seed, 1)).IntN(1500)
			d.before = func(call int, _ string) error {
				if call == last {
					d.stop()
				}
				return nil
			}
			var mu sync.Mutex // guards written
			written := map[int64]string{}
			var stores [handles]*store.Store
			for i := range stores {
				stores[i] = store.New(open(d))
			}
			var group sync.WaitGroup
			for i := range writers {
				group.Go(func() {
					appendUntilCrash(t, stores[i%handles], fmt.Sprint("writer ", i), func(v int64, data string) {
						mu.Lock()
						defer mu.Unlock()
						assert.Empty(t, written[v], "version %d was won twice", v)
						written[v] = data
					})
				})
			}
			group.Wait()
			for how, survives := range survivals {
				requireWritten(t, d.restart(survives), written, fmt.Sprintf("seed %d, %s", seed, how))
			}
		})
	}
}

// appendUntilCrash appends versions until the power goes, and tells of each.
func appendUntilCrash(t *testing.T, s *store.Store, writer string, won func(version int64, data string)) {
	for {
		head, err := s.Head(t.Context(), "model-a")
		if err == nil {
			data := fmt.Sprintf("%s, version %d", writer, head+1)
			if err = s.Append(t.Context(), "model-a", head+1, []byte(data)); err == nil {
				won(head+1, data)
			}
		}
		switch {
		case errors.Is(err, errPower):
			return
		case err != nil && !errors.Is(err, store.ErrConflict):
			assert.NoError(t, err)
			return
		}
	}
}

// requireWritten asserts that a disk has what was written, and at most what was not
// acknowledged besides, without a hole.
func requireWritten(t *testing.T, d *testDisk, written map[int64]string, when string) {
	t.Helper()
	s := store.New(open(d))
	head, err := s.Head(t.Context(), "model-a")
	require.NoError(t, err, when)
	for v := range maps.Keys(written) {
		require.LessOrEqual(t, v, head, when)
	}
	for v := int64(1); v <= head; v++ {
		data, err := s.Get(t.Context(), "model-a", v)
		require.NoError(t, err, when)
		if want, ok := written[v]; ok {
			require.Equal(t, want, string(data), when)
		}
		require.True(t, strings.HasSuffix(string(data), fmt.Sprintf(", version %d", v)), when)
	}
	require.NoError(t, s.Append(context.Background(), "model-a", head+1, nil), when)
}

// TestLinearizable, over crashes: the power goes again and again below several
// processes, each of which starts anew with what is left on the disk.
func TestLinearizable(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			const processes = 3
			random := rand.New(rand.NewPCG(seed, 2))
			var mu sync.Mutex // guards what follows
			var d *testDisk
			var stores [processes]*store.Store
			crashes := -1
			start := func(on *testDisk) {
				d, crashes = on, crashes+1
				last := 50 + random.IntN(600)
				d.before = func(call int, _ string) error {
					if call == last {
						on.stop()
					}
					return nil
				}
				for i := range stores {
					stores[i] = store.New(open(d))
				}
			}
			start(newTestDisk())
			storetest.Linearizable(t, 9, 80, func(client int) *store.Store {
				mu.Lock()
				defer mu.Unlock()
				if d.isStopped() {
					start(d.restart(func() bool { return random.IntN(2) == 0 }))
				}
				return stores[client%processes]
			})
			t.Logf("%d crashes", crashes)
			require.Positive(t, crashes)
		})
	}
}
