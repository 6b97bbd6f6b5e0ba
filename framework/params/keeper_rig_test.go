package params_test

import (
	"context"
	"fmt"
	"sync"
	"testing/synctest"
	"time"

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
