package registry

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/params"
)

// Change is what is written of one model. What is left out stays as it is.
type Change struct {
	Params   jsontext.Value        `json:"params"` // with [Client.Patch], a merge patch of them (RFC 7396)
	Requires map[string]params.Pin `json:"requires,omitzero"`
	Message  string                `json:"message,omitzero"`
	Schema   jsontext.Value        `json:"schema,omitzero"`
}

// Options say under which conditions a write is made. The zero value: always.
type Options struct {
	IfMatch string // the entity tag that the current document must have
	Hold    bool   // the version is stored, but not made current
	Key     string // the same write with the same key is made once
}

func (o *Options) header() http.Header {
	h := http.Header{}
	if o.IfMatch != "" {
		h.Set("If-Match", o.IfMatch)
	}
	if o.Key != "" {
		h.Set("Idempotency-Key", o.Key)
	}
	return h
}

func (c *Client) write(ctx context.Context, method string, path []string, body any, o Options) (d params.Document, err error) {
	q := call{method: method, path: path, header: o.header(), body: body}
	if o.Hold {
		q.query = url.Values{"hold": {"true"}}
	}
	_, err = c.do(ctx, q, &d)
	return d, err
}

// Put writes a new version of a model and returns it. It fails with a
// [ConflictError] if another document is current than the options say.
func (c *Client) Put(ctx context.Context, model string, change Change, o Options) (params.Document, error) {
	return c.write(ctx, http.MethodPut, []string{model}, change, o)
}

// Patch is [Client.Put] for a merge patch of the current params.
func (c *Client) Patch(ctx context.Context, model string, change Change, o Options) (params.Document, error) {
	return c.write(ctx, http.MethodPatch, []string{model}, change, o)
}

// copied is the body of a promotion or rollback.
type copied struct {
	Version int64  `json:"version"`
	Message string `json:"message,omitzero"`
}

// Promote makes a held version current, as a copy.
func (c *Client) Promote(ctx context.Context, model string, version int64, message string, o Options) (params.Document, error) {
	return c.write(ctx, http.MethodPost, []string{model, "promote"}, copied{version, message}, o)
}

// Rollback makes an older version current again, as a copy.
func (c *Client) Rollback(ctx context.Context, model string, version int64, message string, o Options) (params.Document, error) {
	return c.write(ctx, http.MethodPost, []string{model, "rollback"}, copied{version, message}, o)
}

// Part is one model's share of a step.
type Part struct {
	Params   jsontext.Value `json:"params"`
	Requires map[string]any `json:"requires,omitzero"` // a [params.Pin], or "new" for what the step itself writes
	Schema   jsontext.Value `json:"schema,omitzero"`
	Message  string         `json:"message,omitzero"`
}

// Outcome is what became of one model's share.
type Outcome struct {
	Status  int    `json:"status"` // as HTTP has it
	Version int64  `json:"version,omitzero"`
	Digest  string `json:"digest,omitzero"`
	Error   string `json:"error,omitzero"`
}

// PutMany writes several models as one consistent step. With a key it may be
// repeated until all of it is written.
func (c *Client) PutMany(ctx context.Context, parts map[string]Part, key string) (map[string]Outcome, error) {
	var outcomes map[string]Outcome
	o := Options{Key: key}
	status, err := c.do(ctx, call{method: http.MethodPut, header: o.header(), body: parts}, &outcomes, http.StatusConflict)
	if err != nil || status == http.StatusOK {
		return outcomes, err
	}
	var failed []string
	for _, name := range slices.Sorted(maps.Keys(outcomes)) {
		if out := outcomes[name]; out.Status != http.StatusOK {
			failed = append(failed, name+": "+out.Error)
		}
	}
	return outcomes, fmt.Errorf("not all was written: %s", strings.Join(failed, "; "))
}

// Step returns the parts that write documents which were made together, and
// perhaps never were in a registry: what one of them requires of the others is
// pinned as the step writes it. known has documents that the registry holds
// already; what is among these is pinned there. schemas has the JSON Schema of each
// document's params, by model.
func Step(documents []params.Document, known map[string]params.Document, schemas map[string]jsontext.Value, message string) (map[string]Part, error) {
	parts := map[string]Part{}
	written := map[string]string{} // digests
	for _, d := range documents {
		if before, ok := written[d.Model]; ok && before != d.Digest {
			return nil, fmt.Errorf("two documents of %s, with the digests %s and %s", d.Model, before, d.Digest)
		}
		written[d.Model] = d.Digest
	}
	for _, d := range documents {
		part := Part{Params: d.Params, Schema: schemas[d.Model], Message: message, Requires: map[string]any{}}
		for name, pin := range d.Requires {
			switch digest, ok := written[name]; {
			case ok && digest == pin.Digest:
				part.Requires[name] = "new"
			case known[name].Digest == pin.Digest:
				part.Requires[name] = known[name].Pin()
			default:
				return nil, fmt.Errorf("%s requires a document of %s that is not there: %s", d.Model, name, pin.Digest)
			}
		}
		parts[d.Model] = part
	}
	return parts, nil
}
