// Package api is the params registry: it numbers the documents of params, keeps
// their history, and tells whoever waits of a new one.
//
// A registry has no state of its own. What it acknowledges is in the store, and
// what it holds in memory can be lost at any time; so any number of registries
// serve one store, and each sees what the others write.
//
// A model's history is a log without holes. Its current document is the newest
// that is not held. Documents never change: promoting and rolling back append a
// copy.
//
// A [Registry] is safe for concurrent use. [Handler] is its HTTP contract, which
// openapi.yaml describes.
package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/metric"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/telemetry"
	"github.com/modelfn/modelfn/functions/registry/store"
)

// Config says what a registry is made of.
type Config struct {
	Store *store.Store // required

	// Written is told of every new document; nil for nobody. It must not block.
	Written func(events.Change)

	Log     *slog.Logger       // required
	Metrics *telemetry.Metrics // required
}

// Registry is the params registry.
type Registry struct {
	store     *store.Store
	schemas   schemas
	replicas  replicas
	documents documents
	written   func(events.Change)
	log       *slog.Logger
	writes    map[outcome]*metric.Counter
	watches   *metric.Gauge

	mu    sync.Mutex       // guards feeds
	feeds map[string]*feed // of models that have a version
}

// New returns a registry.
func New(cfg Config) *Registry {
	r := &Registry{
		store: cfg.Store, schemas: schemas{store: cfg.Store}, written: cfg.Written, log: cfg.Log, feeds: map[string]*feed{},
		writes:  map[outcome]*metric.Counter{},
		watches: cfg.Metrics.Registry().Gauge("modelfn_registry_watches", "Requests that wait for another document."),
	}
	if r.written == nil {
		r.written = func(events.Change) {}
	}
	for _, o := range outcomes {
		r.writes[o] = cfg.Metrics.Registry().Counter("modelfn_registry_writes_total",
			"Writes by outcome: written; conflict, if another write came first; refused, if it was not a write that could be made; failed.",
			"outcome", string(o))
	}
	return r
}

// feed returns the feed of a model that has a version: those that anybody can ask
// for take no memory.
func (r *Registry) feed(model string) *feed {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.feeds[model]
	if !ok {
		f = newFeed(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			_, _ = r.look(ctx, model) // the next probe tries again
		})
		r.feeds[model] = f
	}
	return f
}

// probeTimeout bounds one look at the store for those who wait.
const probeTimeout = 10 * time.Second

// known returns the state of a model, or a fault if there is no such model.
func (r *Registry) known(ctx context.Context, model string) (*state, error) {
	if !params.IsName(model) {
		return nil, unknownModel(model)
	}
	s, err := r.look(ctx, model)
	if err == nil && s == nil {
		err = unknownModel(model)
	}
	return s, err
}

func unknownModel(model string) error {
	return fault.New(fault.NotFound, "there is no model %q", model)
}

// cached returns what is known of a model without asking the store, nil if nothing
// is. It may be out of date.
func (r *Registry) cached(model string) *state {
	r.mu.Lock()
	f := r.feeds[model]
	r.mu.Unlock()
	if f == nil {
		return nil
	}
	s, _ := f.state()
	return s
}

// Current returns a model's current document.
func (r *Registry) Current(ctx context.Context, model string) (*params.Document, error) {
	s, err := r.known(ctx, model)
	if err != nil {
		return nil, err
	}
	if s.current == nil {
		return nil, fault.New(fault.NotFound, "%s has no document that is not held", model)
	}
	return s.doc(), nil
}

// Wait returns the model's current document as soon as it is none of those that
// tags name, as in If-None-Match; and nil if ctx ends before.
//
// The store is asked first if what is known here is not what the caller has: the
// caller may know better, from another registry, and must not get an older document
// than it has.
func (r *Registry) Wait(ctx context.Context, model, tags string) (*params.Document, error) {
	if known := r.cached(model); known == nil || known.news(tags) {
		if _, err := r.known(ctx, model); err != nil {
			return nil, err
		}
	}
	r.watches.Add(1)
	defer r.watches.Add(-1)
	return r.feed(model).wait(ctx, tags).doc(), nil
}

// Saw notes what a replica tells about itself.
func (r *Registry) Saw(ctx context.Context, model string, who params.Replica) error {
	if r.cached(model) == nil {
		if _, err := r.known(ctx, model); err != nil {
			return err
		}
	}
	r.replicas.saw(model, who)
	return nil
}

// Schema returns the schema that a write of the model has to fit.
func (r *Registry) Schema(ctx context.Context, model string) (jsontext.Value, error) {
	s, err := r.known(ctx, model)
	if err != nil {
		return nil, err
	}
	found, err := r.schemas.at(ctx, model, s.latest().Schema)
	if err != nil {
		return nil, err
	}
	return found.text, nil
}

// Version returns one version of a model. One that is in memory needs no store.
func (r *Registry) Version(ctx context.Context, model string, version int64) (*params.Document, error) {
	if !params.IsName(model) {
		return nil, unknownModel(model)
	}
	return r.document(ctx, model, version)
}

// Versions returns a page of a model's history: at most limit documents, the
// newest first, from before on down; before 0 is the newest. next is the before
// of the next page, 0 if there is none.
func (r *Registry) Versions(ctx context.Context, model string, before int64, limit int) (list []params.Document, next int64, err error) {
	s, err := r.known(ctx, model)
	if err != nil {
		return nil, 0, err
	}
	from := s.version()
	if before > 0 {
		from = min(from, before-1)
	}
	n := max(0, min(int64(limit), from))
	list, err = r.page(ctx, model, from, int(n))
	if from > n {
		next = from - n + 1
	}
	return list, next, err
}

// All returns every model's current document by name; models that have none are
// left out.
func (r *Registry) All(ctx context.Context) (map[string]*params.Document, error) {
	states, err := r.all(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*params.Document, len(states))
	for name, s := range states {
		all[name] = s.doc()
	}
	return all, nil
}

// all returns the states of all models that have a current document.
func (r *Registry) all(ctx context.Context) (map[string]*state, error) {
	names, err := r.store.Models(ctx)
	if err != nil {
		return nil, storeFault(err)
	}
	all := make(map[string]*state, len(names))
	for _, name := range names {
		s, err := r.look(ctx, name)
		if err != nil {
			return nil, err
		}
		if s.doc() != nil {
			all[name] = s
		}
	}
	return all, nil
}
