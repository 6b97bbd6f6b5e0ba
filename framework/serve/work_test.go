package serve

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/telemetry"
)

type key struct{}

// TestWork: the context of a call is like every other, whichever question comes
// first, and whether it comes before the end or after it.
func TestWork(t *testing.T) {
	gone := errors.New("gone")
	trace := telemetry.TraceOf(http.Header{})
	questions := map[string]func(*testing.T, context.Context, error){
		"Err": func(t *testing.T, ctx context.Context, want error) { assert.Equal(t, want, ctx.Err()) },
		"Done": func(t *testing.T, ctx context.Context, want error) {
			select {
			case <-ctx.Done():
				require.Error(t, want)
			default:
				assert.NoError(t, want)
			}
		},
		"Deadline": func(t *testing.T, ctx context.Context, _ error) {
			at, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.False(t, at.IsZero())
		},
		"Value": func(t *testing.T, ctx context.Context, _ error) {
			assert.Equal(t, trace, telemetry.TraceFrom(ctx))
			assert.Equal(t, "parent's", ctx.Value(key{}))
			assert.Nil(t, ctx.Value("nobody's"))
		},
		"WithCancel": func(t *testing.T, ctx context.Context, want error) {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			assert.Equal(t, want, child.Err())
		},
		"AfterFunc": func(t *testing.T, ctx context.Context, want error) {
			ran := false
			stop := context.AfterFunc(ctx, func() { ran = true })
			synctest.Wait()
			assert.Equal(t, want != nil, ran)
			stop()
		},
		"WithoutCancel": func(t *testing.T, ctx context.Context, _ error) {
			require.NoError(t, context.WithoutCancel(ctx).Err())
			assert.Equal(t, trace, telemetry.TraceFrom(context.WithoutCancel(ctx)))
		},
	}
	for _, test := range []struct {
		name  string
		do    func(*work, context.CancelCauseFunc)
		err   error
		cause error
	}{
		{"running", func(*work, context.CancelCauseFunc) {}, nil, nil},
		{"over", func(w *work, _ context.CancelCauseFunc) { w.end() }, context.Canceled, context.Canceled},
		{"over twice", func(w *work, _ context.CancelCauseFunc) { w.end(); w.end() }, context.Canceled, context.Canceled},
		{"its client is gone", func(_ *work, cancel context.CancelCauseFunc) { cancel(gone) }, context.Canceled, gone},
		{"late", func(*work, context.CancelCauseFunc) { time.Sleep(time.Second) }, context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		for first, ask := range questions {
			t.Run(test.name+"/"+first, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "parent's"))
					defer cancel(nil)
					start := time.Now()
					late := &work{parent: parent, deadline: start.Add(time.Second), trace: trace}
					early := &work{parent: parent, deadline: start.Add(time.Second), trace: trace}
					ask(t, early, nil)
					for _, w := range []*work{late, early} {
						defer w.end()
						test.do(w, cancel)
						synctest.Wait()
						ask(t, w, test.err)
						assert.Equal(t, test.cause, context.Cause(w))
						for _, ask := range questions {
							ask(t, w, test.err)
						}
						at, _ := w.Deadline()
						assert.Equal(t, start.Add(time.Second), at)
					}
				})
			})
		}
	}
}

// TestWorkTellsThoseWhoWait: a child and a function that wait for the work hear of
// its end, and the deadline of the parent counts if it is the earlier one.
func TestWorkTellsThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for end, want := range map[string]error{"the end": context.Canceled, "the deadline": context.DeadlineExceeded} {
			w := &work{parent: t.Context(), deadline: time.Now().Add(time.Hour)}
			child, cancel := context.WithTimeout(w, 2*time.Hour)
			told := make(chan error, 1)
			context.AfterFunc(w, func() { told <- context.Cause(w) })
			synctest.Wait()
			require.NoError(t, child.Err())
			if end == "the end" {
				w.end()
			}
			<-child.Done()
			require.Equal(t, want, child.Err())
			require.Equal(t, want, <-told)
			w.end()
			cancel()
			require.Equal(t, want, w.Err(), "the first end counts")
		}
		parent, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w := &work{parent: parent, deadline: time.Now().Add(time.Hour)}
		defer w.end()
		at, _ := w.Deadline()
		require.WithinRange(t, at, start, time.Now().Add(time.Minute))
	})
}

// TestWorkOfMany: goroutines may ask at once, also after the call is over.
func TestWorkOfMany(t *testing.T) {
	for range 100 {
		w := &work{parent: t.Context(), deadline: time.Now().Add(time.Hour), trace: telemetry.TraceOf(http.Header{})}
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				assert.NotEmpty(t, telemetry.TraceFrom(w).ID())
				<-w.Done()
				assert.Equal(t, context.Canceled, w.Err())
			})
		}
		w.end()
		asking.Wait()
	}
}
