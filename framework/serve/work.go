package serve

import (
	"context"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/telemetry"
)

// work is the context of the work that answers a call. Most predictions are over
// without a question to it, and a context with a timer and a trace costs a
// twentieth of a small request: it is made when the first question comes.
//
// Unlike its call it is not used again, so that work which goes on after the call
// may keep it, and learns that it ended.
type work struct {
	parent   context.Context
	deadline time.Time
	trace    telemetry.Trace

	mu     sync.Mutex // guards what follows
	made   context.Context
	cancel context.CancelFunc // of made
	ended  bool
}

func (w *work) Deadline() (time.Time, bool) { return w.context().Deadline() }
func (w *work) Done() <-chan struct{}       { return w.context().Done() }
func (w *work) Err() error                  { return w.context().Err() }
func (w *work) Value(key any) any           { return w.context().Value(key) }

func (w *work) context() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.made == nil {
		ctx, cancel := context.WithDeadline(w.parent, w.deadline)
		w.made, w.cancel = telemetry.WithTrace(ctx, w.trace), cancel
		if w.ended {
			cancel()
		}
	}
	return w.made
}

// end ends the work.
func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.cancel != nil {
		w.cancel()
	}
}
