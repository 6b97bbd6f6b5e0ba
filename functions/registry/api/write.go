package api

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/registry/store"
)

// Limits of a write.
const (
	maxMessage  = 1000 // bytes
	maxAttempts = 100  // of a write without If-Match, against others
)

// Write is a change of one model. What is left out stays as it is.
type Write struct {
	Params   jsontext.Value        // the new params; nil keeps them
	Merge    jsontext.Value        // an RFC 7396 merge patch of the params; nil for none
	Requires map[string]params.Pin // the components' versions; nil keeps them
	Schema   jsontext.Value        // the schema of the params; nil keeps it
	Held     bool
	Author   string
	Message  string

	// IfMatch names the entity tags, as the header does, of which the current document
	// must have one; "" for any. IfNoneMatch names those of which it must have none; with
	// "*" there must be no current document. CopyOf is the version whose content is
	// appended again; 0 for none.
	IfMatch     string
	IfNoneMatch string
	CopyOf      int64
	copying     copying

	use *use // of the request's Idempotency-Key; nil for none
}

// copying says what a version must be to be appended again.
type copying uint8

const (
	promotion copying = iota + 1 // it must be held
	rollback                     // it must be older than the current one, and not held
)

// ConflictError says that the current document is not the one that a write
// expects. It holds a fault of kind Precondition.
type ConflictError struct {
	Current *params.Document // nil if there is none
}

func (e *ConflictError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the fault.
func (e *ConflictError) Unwrap() error {
	if e.Current == nil {
		return fault.New(fault.Precondition, "there is no current document")
	}
	return fault.New(fault.Precondition, "version %d of %s is current now", e.Current.Version, e.Current.Model)
}

// outcome is what became of a write, for the metrics.
type outcome string

var outcomes = []outcome{"written", "conflict", "refused", "failed"}

func outcomeOf(err error) outcome {
	if err == nil {
		return "written"
	}
	switch fault.From(err).Kind {
	case fault.Conflict, fault.Precondition, fault.Busy:
		return "conflict"
	case fault.Internal, fault.Unavailable:
		return "failed"
	default:
		return "refused"
	}
}

// Put writes a new version of a model and returns it once it is durable. A write
// that was made before, by its Idempotency-Key, returns what was written then.
func (r *Registry) Put(ctx context.Context, model string, w Write) (*params.Document, error) {
	d, err := r.put(ctx, model, &w)
	r.writes[outcomeOf(err)].Inc()
	return d, err
}

func (r *Registry) put(ctx context.Context, model string, w *Write) (*params.Document, error) {
	if !params.IsName(model) {
		return nil, fault.New(fault.Invalid, "%q is not the name of a model", model)
	}
	for range maxAttempts {
		now, err := r.look(ctx, model)
		if err != nil {
			return nil, err
		}
		if d, err := r.repeated(ctx, model, now, w); err != nil || d != nil {
			return d, err
		}
		next, err := r.plan(ctx, model, now, w)
		if err != nil {
			return nil, err
		}
		if next.Schema == 0 {
			if next.Schema, err = r.schemas.put(ctx, model, w.Schema); err != nil {
				return nil, err
			}
		}
		err = r.append(ctx, now, next)
		if err == nil {
			return &next.Document, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, storeFault(err)
		}
		// Another write came first. It decides whether this one still stands.
	}
	return nil, &fault.Error{Kind: fault.Busy, Message: "too many writes at once", RetryAfter: retryAfter}
}

// append stores the record that follows on a state, and tells of it.
func (r *Registry) append(ctx context.Context, now *state, next *record) error {
	data, err := encode(next)
	if err != nil {
		return err
	}
	d := &next.Document
	if err := r.store.Append(ctx, d.Model, d.Version, data); err != nil {
		return err
	}
	r.documents.put(documentKey{d.Model, d.Version}, d)
	then := &state{head: next, current: next}
	if d.Held {
		then.current = nil
		if now != nil {
			then.current = now.current
		}
	}
	r.feed(d.Model).publish(then)
	r.written(events.Change{Model: d.Model, Version: d.Version, Digest: d.Digest})
	r.log.Info("params written", "of", d.Model, "params", d.Version, "digest", d.Digest, "held", d.Held, "author", d.Author)
	return nil
}

// plan checks a write against the model as it is now, and returns the record to
// append; without the schema's version, if that is not stored yet.
func (r *Registry) plan(ctx context.Context, model string, now *state, w *Write) (*record, error) {
	if now == nil && w.Schema == nil {
		return nil, unknownModel(model)
	}
	if err := match(w, now); err != nil {
		return nil, err
	}
	base, err := r.base(ctx, model, now, w)
	if err != nil {
		return nil, err
	}
	schema, err := r.schemaFor(ctx, model, base, w)
	if err != nil {
		return nil, err
	}
	d, err := newDocument(model, base, w)
	if err != nil {
		return nil, err
	}
	if err := schema.check(d.Params); err != nil {
		return nil, err
	}
	if err := r.checkPins(ctx, &d); err != nil {
		return nil, err
	}
	d.Version = now.version() + 1
	next := &record{Document: d, Current: d.Version, Schema: schema.version}
	if now != nil {
		next.Uses = now.head.recent(d.Version)
		if d.Held {
			next.Current = now.head.Current
		}
	} else if d.Held {
		next.Current = 0
	}
	if w.use != nil {
		next.Uses = append(next.Uses, use{w.use.Key, w.use.Request, d.Version})
	}
	return next, nil
}

// newDocument returns the document that a write makes of the one that it changes or
// copies. Its version is not known yet.
func newDocument(model string, base *record, w *Write) (params.Document, error) {
	content, requires := w.Params, w.Requires
	if base != nil {
		if content == nil {
			content = base.Document.Params
		}
		if requires == nil {
			requires = maps.Clone(base.Document.Requires)
		}
	}
	if w.Merge != nil {
		var err error
		if content, err = merge(content, w.Merge); err != nil {
			return params.Document{}, err
		}
	}
	if len(w.Message) > maxMessage {
		return params.Document{}, fault.Field("message", "over %d bytes", maxMessage)
	}
	d, err := params.New(model, requires, content)
	d.Held, d.Author, d.Message = w.Held, w.Author, w.Message
	d.Created = time.Now().UTC().Truncate(time.Millisecond)
	return d, err
}

// base returns the version that a write changes or copies, nil if there is none.
func (r *Registry) base(ctx context.Context, model string, now *state, w *Write) (*record, error) {
	if w.CopyOf == 0 || now == nil {
		return now.latest(), nil
	}
	old, err := r.read(ctx, model, w.CopyOf)
	if err != nil {
		return nil, err
	}
	d := &old.Document
	switch current := now.doc(); {
	case w.copying == promotion && !d.Held:
		return nil, fault.New(fault.Conflict, "version %d of %s is not held", d.Version, model)
	case w.copying == rollback && d.Held:
		return nil, fault.New(fault.Conflict, "version %d of %s is held: promote it", d.Version, model)
	case w.copying == rollback && current != nil && d.Version == current.Version:
		return nil, fault.New(fault.Conflict, "version %d of %s is current", d.Version, model)
	}
	return old, nil
}

// schemaFor returns the schema that a write's params must fit: its own, or that of
// the version that it changes or copies.
func (r *Registry) schemaFor(ctx context.Context, model string, base *record, w *Write) (*modelSchema, error) {
	if w.Schema != nil {
		return compile(w.Schema)
	}
	return r.schemas.at(ctx, model, base.Schema)
}

// checkPins refuses pins of documents that are not there.
func (r *Registry) checkPins(ctx context.Context, d *params.Document) error {
	var p fault.Problems
	for _, name := range d.RequiredNames() {
		pin := d.Requires[name]
		path := fault.Join("requires", name)
		found, err := r.Version(ctx, name, pin.Version)
		switch {
		case err != nil && fault.From(err).Kind != fault.NotFound:
			return err
		case err != nil:
			p.Add(path+".version", "%s has no version %d", name, pin.Version)
		case found.Digest != pin.Digest:
			p.Add(path+".digest", "version %d of %s has the digest %s", pin.Version, name, found.Digest)
		}
	}
	return p.Err()
}

// match compares If-Match and If-None-Match with what is current.
func match(w *Write, now *state) error {
	etag := now.etag()
	named := w.IfMatch == "" || etag != "" && listed(w.IfMatch, etag, false)
	excluded := w.IfNoneMatch != "" && etag != "" && listed(w.IfNoneMatch, etag, true)
	if named && !excluded {
		return nil
	}
	return &ConflictError{Current: now.doc()}
}

// repeated returns what the same request wrote before, nil if it did not.
func (r *Registry) repeated(ctx context.Context, model string, now *state, w *Write) (*params.Document, error) {
	if w.use == nil || now == nil {
		return nil, nil
	}
	for _, used := range now.head.recent(now.version()) {
		switch {
		case used.Key != w.use.Key:
		case used.Request != w.use.Request:
			return nil, fault.Field("Idempotency-Key", "was used for another request")
		default:
			return r.Version(ctx, model, used.Version)
		}
	}
	return nil, nil
}
