// Package announce tells the world of new params: it sends an event for every
// version of every model that is not held.
//
// Every version is announced at least once, whatever fails and whoever ends in
// between. How far a model's history is announced stands in the store, in a log of
// its own, so any number of registries share the work, and one that starts goes on
// where others stopped. Events may come twice, and in any order.
//
// An [Announcer] is safe for concurrent use.
package announce

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/events/sink"
	"github.com/modelfn/modelfn/framework/metric"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/registry/store"
)

// Config says what is announced, and where to.
type Config struct {
	Store *store.Store // where it stands what is announced; required
	Send  *sink.Sink   // required

	// Read returns one version of a model; required.
	Read func(ctx context.Context, model string, version int64) (*params.Document, error)

	// Sweep is how often all models are looked through for what others left; 10 s if
	// zero.
	Sweep time.Duration

	Log     *slog.Logger     // required
	Metrics *metric.Registry // required
}

// Announcer announces what is written.
type Announcer struct {
	cfg          Config
	woke         chan struct{}
	sent, failed *metric.Counter

	mu      sync.Mutex       // guards what follows
	written map[string]bool  // models to look at
	pending map[string]int64 // versions of each model that are not announced yet
}

// Limits of one event: its time, and how many are sent at once.
const (
	sendTimeout = 10 * time.Second
	atOnce      = 8
)

// New returns an announcer; [Announcer.Run] starts it.
func New(cfg Config) *Announcer {
	if cfg.Sweep <= 0 {
		cfg.Sweep = 10 * time.Second
	}
	const name, help = "modelfn_registry_events_total", "Events that were sent, by result: taken by the sink, or failed."
	a := &Announcer{
		cfg: cfg, woke: make(chan struct{}, 1), written: map[string]bool{}, pending: map[string]int64{},
		sent:   cfg.Metrics.Counter(name, help, "result", "taken"),
		failed: cfg.Metrics.Counter(name, help, "result", "failed"),
	}
	cfg.Metrics.Func("gauge", "modelfn_registry_events_pending", "Versions that are not announced yet, as seen when they were last looked at.", a.left)
	return a
}

// left returns how many versions are not announced yet.
func (a *Announcer) left() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	var sum int64
	for _, n := range a.pending {
		sum += n
	}
	return float64(sum)
}

// Written says that a model has a new version. It does not wait.
func (a *Announcer) Written(c events.Change) {
	a.mu.Lock()
	a.written[c.Model] = true
	a.mu.Unlock()
	select {
	case a.woke <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Run announces until ctx ends: everything at the start and at every sweep, and in
// between what was written here.
func (a *Announcer) Run(ctx context.Context) {
	sweep := time.NewTicker(a.cfg.Sweep)
	defer sweep.Stop()
	a.all(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			a.all(ctx)
		case <-a.woke:
			a.each(ctx, a.take())
		}
	}
}

// take returns the models that were written since the last call.
func (a *Announcer) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	models := make([]string, 0, len(a.written))
	for m := range a.written {
		models = append(models, m)
	}
	clear(a.written)
	return models
}

func (a *Announcer) all(ctx context.Context) {
	models, err := a.cfg.Store.Models(ctx)
	if err != nil {
		a.tell(ctx, "", err)
		return
	}
	a.each(ctx, models)
}

// each announces what is new of some models, several at once.
func (a *Announcer) each(ctx context.Context, models []string) {
	var running sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, model := range models {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			if err := a.model(ctx, model); err != nil {
				a.tell(ctx, model, err)
			}
		})
	}
	running.Wait()
}

// tell says that a model has to wait for the next sweep.
func (a *Announcer) tell(ctx context.Context, model string, err error) {
	if ctx.Err() == nil {
		a.cfg.Log.Warn("params not announced yet", "of", model, "error", err.Error())
	}
}

// logOf is the log in which it stands how far a model is announced.
func logOf(model string) string { return "announced/" + model }

// model announces, in order, what is not announced of a model. What a sink does not
// take holds up what comes after it, until it does: events are all of one form, so
// a sink that refuses one refuses them all.
func (a *Announcer) model(ctx context.Context, model string) error {
	done, err := a.cfg.Store.Head(ctx, logOf(model))
	if err != nil {
		return err
	}
	newest, err := a.cfg.Store.Head(ctx, model)
	if err != nil {
		return err
	}
	for v := done + 1; v <= newest; v++ {
		a.setPending(model, newest-v+1)
		if err := a.version(ctx, model, v); err != nil {
			return err
		}
		// Held versions are noted too, or the log would end before them. Another
		// registry may have been faster.
		err := a.cfg.Store.Append(ctx, logOf(model), v, []byte(time.Now().UTC().Format(time.RFC3339)))
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	a.setPending(model, 0)
	return nil
}

func (a *Announcer) setPending(model string, n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending[model] = n
}

// version sends the event of one version, unless it is held.
func (a *Announcer) version(ctx context.Context, model string, version int64) error {
	d, err := a.cfg.Read(ctx, model, version)
	if err != nil || d.Held {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err = a.cfg.Send.Announce(ctx, events.Change{Model: d.Model, Version: d.Version, Digest: d.Digest}, d.Created)
	if err != nil {
		a.failed.Inc()
		return err
	}
	a.sent.Inc()
	return nil
}
