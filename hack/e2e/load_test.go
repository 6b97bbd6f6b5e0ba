//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// load asks a function again and again, some 200 times a second.
type load struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	answers []answer
	failed  []failure
}

// failure is a request that was not answered with 200.
type failure struct {
	sent, ended time.Time
	status      int // 0 if there was no answer
	what        string
}

func (f failure) String() string {
	return fmt.Sprintf("sent at %s, after %v: %d %s", f.sent.Format("15:04:05.000"), f.ended.Sub(f.sent).Round(time.Millisecond), f.status, f.what)
}

func startLoad(t *testing.T, host string, clients int) *load {
	t.Helper()
	// A request that was begun is finished: the end of the load cuts off none.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &load{cancel: cancel}
	for range clients {
		l.done.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				sent := time.Now()
				a, err := predict(context.WithoutCancel(ctx), host, patient)
				l.mu.Lock()
				switch {
				case err != nil:
					l.failed = append(l.failed, failure{sent, time.Now(), 0, err.Error()})
				case a.status != http.StatusOK:
					l.failed = append(l.failed, failure{sent, time.Now(), a.status, a.revision + " " + a.body})
				default:
					l.answers = append(l.answers, a)
				}
				l.mu.Unlock()
			}
		})
	}
	t.Cleanup(func() { l.cancel(); l.done.Wait() })
	return l
}

// stop ends the load and waits for its last answers.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.done.Wait()
	require.NotEmpty(t, l.answers)
}

// goOn waits until there are this many answers more.
func (l *load) goOn(t *testing.T, answers int) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.answers)
	}
	want := count() + answers
	eventually(t, "more answers", func() bool { return count() >= want })
}

// latest returns the last answer so far.
func (l *load) latest() (a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.answers) > 0 {
		a = l.answers[len(l.answers)-1]
	}
	return a
}

// allOK requires that every request was answered with 200.
func (l *load) allOK(t *testing.T) {
	t.Helper()
	require.Empty(t, l.failed, "of %d requests", len(l.failed)+len(l.answers))
}

// unmixed requires that each version of the params, wherever it ran, is one digest
// and one output.
func (l *load) unmixed(t *testing.T) {
	t.Helper()
	of := map[string]answer{}
	for _, a := range l.answers {
		require.NotEmpty(t, a.version)
		first, seen := of[a.version]
		if !seen {
			of[a.version], first = a, a
		}
		require.Equal(t, first.digest, a.digest, "version %s", a.version)
		require.Equal(t, first.body, a.body, "version %s", a.version)
	}
}
