package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/functions/registry/store"
)

// record is what is stored for one version of a model: the document, and what
// makes a look at the newest version enough. Whoever writes a version knows all
// that came before it, as none of that can change any more.
type record struct {
	Document params.Document `json:"document"`

	// Current is the newest version up to this one that is not held; 0 if there is
	// none.
	Current int64 `json:"current"`

	// Schema is the version of the model's schema that the params fit.
	Schema int64 `json:"schema"`

	// Uses are the requests with an Idempotency-Key among those that wrote the last
	// useWindow versions, this one included; the oldest first.
	Uses []use `json:"uses,omitzero"`
}

// use is the use of an Idempotency-Key.
type use struct {
	Key     string `json:"key"`     // digest of the key
	Request string `json:"request"` // digest of the request that it stood on
	Version int64  `json:"version"` // that was written
}

// useWindow is how many versions back a used Idempotency-Key is known.
const useWindow = 64

// recent returns the uses that are within the window that ends with a version.
func (r *record) recent(newest int64) []use {
	for i, u := range r.Uses {
		if u.Version > newest-useWindow {
			return r.Uses[i:len(r.Uses):len(r.Uses)]
		}
	}
	return nil
}

// state is a model as it stands: its newest version, and the one that is current.
// It is immutable, and nil for a model that has no version.
type state struct {
	head    *record
	current *record // nil if every version is held
}

func (s *state) version() int64 {
	if s == nil {
		return 0
	}
	return s.head.Document.Version
}

// doc returns the current document, nil if there is none.
func (s *state) doc() *params.Document {
	if s == nil || s.current == nil {
		return nil
	}
	return &s.current.Document
}

// etag is the entity tag of the current document, "" if there is none.
func (s *state) etag() string {
	d := s.doc()
	if d == nil {
		return ""
	}
	return params.ETag(d.Version, d.Digest)
}

// news reports whether there is a current document, and it is none of those that
// tags name, as in If-None-Match.
func (s *state) news(tags string) bool {
	etag := s.etag()
	return etag != "" && !listed(tags, etag, true)
}

// latest returns the current version, or the newest if all are held.
func (s *state) latest() *record {
	switch {
	case s == nil:
		return nil
	case s.current == nil:
		return s.head
	default:
		return s.current
	}
}

func encode(r *record) ([]byte, error) {
	data, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("writing version %d of %s: %w", r.Document.Version, r.Document.Model, err)
	}
	return data, nil
}

// decode reads a record and checks that it is what was asked for: a store that
// gives something else is broken, and its answer must not get any further.
func decode(data []byte, model string, version int64) (*record, error) {
	r, err := schema.Decode[record](data)
	if err == nil {
		err = r.Document.Check()
	}
	if err == nil && (r.Document.Model != model || r.Document.Version != version) {
		err = fmt.Errorf("it is version %d of %s", r.Document.Version, r.Document.Model)
	}
	if err != nil {
		return nil, damaged(fmt.Sprintf("version %d of %s", version, model), err)
	}
	return &r, nil
}

// damaged says that something stored is not what was written. That is not a fault
// of the caller, whatever kind of error it showed as.
func damaged(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, store.ErrDamaged, errors.New(err.Error()))
}

// read returns one stored version.
func (r *Registry) read(ctx context.Context, model string, version int64) (*record, error) {
	data, err := r.store.Get(ctx, model, version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "%s has no version %d", model, version)
	}
	if err != nil {
		return nil, storeFault(err)
	}
	return decode(data, model, version)
}

// look returns a model as the store has it now.
func (r *Registry) look(ctx context.Context, model string) (*state, error) {
	version, err := r.store.Head(ctx, model)
	if err != nil {
		return nil, storeFault(err)
	}
	if version == 0 {
		return nil, nil
	}
	feed := r.feed(model)
	if known, _ := feed.state(); known.version() >= version {
		return known, nil
	}
	head, err := r.read(ctx, model, version)
	if err != nil {
		return nil, err
	}
	s := &state{head: head}
	switch head.Current {
	case 0:
	case version:
		s.current = head
	default:
		if s.current, err = r.read(ctx, model, head.Current); err != nil {
			return nil, err
		}
	}
	return feed.publish(s), nil
}

// retryAfter is when a caller should come back if the store is away.
const retryAfter = time.Second

// storeFault says what an error of the store means for a caller. What is damaged
// is nothing that the caller can wait for: it stays an inner error.
func storeFault(err error) error {
	switch {
	case errors.Is(err, store.ErrUnavailable):
		return fault.Away(retryAfter, err, "the store of params cannot be reached")
	case errors.Is(err, store.ErrInvalid): // names are checked before
		return fault.New(fault.TooLarge, "the document or its schema is over %d bytes", store.MaxSize)
	}
	return err
}
