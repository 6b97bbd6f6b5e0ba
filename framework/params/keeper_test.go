package params_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

// source is a source that gives what a test wants.
type source struct {
	mu    sync.Mutex
	set   params.Set
	err   error
	loads int
}

func (s *source) Load(context.Context, *params.Set) (params.Set, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.set, s.err
}

func (s *source) wants(d params.Document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set, s.err = params.Set{Document: d}, nil
}

func (s *source) fails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set, s.err = params.Set{}, err
}

// bench is a keeper with a source and a build function under a test's control. It
// notes what happens, a line each.
type bench struct {
	*params.Keeper[string]
	source *source

	mu     sync.Mutex
	events []string
	builds map[string]int // by params
	broken map[string]any // what building some params gives: an error or a panic
}

func newBench(change func(*params.Config[string])) *bench {
	b := &bench{source: &source{}, builds: map[string]int{}, broken: map[string]any{}}
	cfg := params.Config[string]{
		Source: b.source,
		Poll:   time.Second,
		Build: func(_ context.Context, set params.Set) (string, func(), error) {
			text := string(set.Params)
			b.mu.Lock()
			b.builds[text]++
			broken := b.broken[text]
			b.mu.Unlock()
			switch broken := broken.(type) {
			case nil:
			case error:
				return "", nil, broken
			default:
				panic(broken)
			}
			return text, func() { b.note("closed " + text) }, nil
		},
		Swapped: func(now *params.Snapshot[string], _ time.Duration) {
			b.note(fmt.Sprintf("swapped to %d", now.Set.Version))
		},
		Failed: func(state params.State, err error) { b.note(string(state) + ": " + err.Error()) },
	}
	if change != nil {
		change(&cfg)
	}
	b.Keeper = params.NewKeeper(cfg)
	return b
}

func (b *bench) note(event string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, event)
}

// news returns what happened since it was called last.
func (b *bench) news() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := b.events
	b.events = nil
	return news
}

func (b *bench) breaks(text string, with any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken[text] = with
}

func (b *bench) built(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.builds[text]
}

// serves returns the params that serve, "" for none.
func (b *bench) serves() string {
	s := b.Acquire()
	if s == nil {
		return ""
	}
	defer s.Release()
	return s.Value
}

// run runs the keeper until the returned function is called, which waits for its
// end.
func (b *bench) run(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// aPoll is long enough for the keeper to ask its source again.
func aPoll() {
	time.Sleep(1300 * time.Millisecond)
	synctest.Wait()
}

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
					assert.Contains(t, status.Err, "keeper_test.go", "the log has the stack")
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
	write(t, path, encode(t, document(t, "model-a", 2, nil, `"two"`)))
	require.Eventually(t, func() bool { return b.serves() == `"two"` }, within, time.Millisecond)
	assert.Equal(t, params.Serving, b.Status().State)
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
