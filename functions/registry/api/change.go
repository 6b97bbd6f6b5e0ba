package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/framework/serve"
)

// change is the body of PUT and PATCH.
type change struct {
	Params   jsontext.Value        `json:"params"`
	Requires map[string]params.Pin `json:"requires,omitzero"`
	Message  string                `json:"message,omitzero"`
	Schema   jsontext.Value        `json:"schema,omitzero"`
}

func (h *Handler) put(c *serve.Call) error {
	return h.write(c, []string{"hold"}, func(query url.Values, body []byte, w *Write) (err error) {
		b, err := schema.Decode[change](body)
		if err == nil {
			w.Held, err = flag(query, "hold")
		}
		w.Params, w.Requires, w.Message, w.Schema = b.Params, b.Requires, b.Message, b.Schema
		return err
	})
}

func (h *Handler) patch(c *serve.Call) error {
	return h.write(c, []string{"hold"}, func(query url.Values, body []byte, w *Write) (err error) {
		b, err := schema.Decode[change](body)
		if err == nil {
			w.Held, err = flag(query, "hold")
		}
		w.Merge, w.Requires, w.Message, w.Schema = b.Params, b.Requires, b.Message, b.Schema
		return err
	})
}

// copy appends a former version again.
func (h *Handler) copy(how copying) func(*serve.Call) error {
	type body struct {
		Version int64  `json:"version" min:"1"`
		Message string `json:"message,omitzero"`
	}
	return func(c *serve.Call) error {
		return h.write(c, nil, func(_ url.Values, text []byte, w *Write) error {
			b, err := schema.Decode[body](text)
			w.CopyOf, w.Message, w.copying = b.Version, b.Message, how
			return err
		})
	}
}

// write reads a write from a request, whose query may have these names, and makes
// it.
func (h *Handler) write(c *serve.Call, names []string, read func(query url.Values, body []byte, w *Write) error) error {
	return h.authored(c, names, func(ctx context.Context, author string, body []byte) error {
		r := c.Request()
		w := Write{Author: author, IfMatch: r.Header.Get("If-Match"), IfNoneMatch: r.Header.Get("If-None-Match"), use: useOf(r, body)}
		if err := read(r.URL.Query(), body, &w); err != nil {
			return err
		}
		d, err := h.registry.Put(ctx, model(c), w)
		if conflict, ok := errors.AsType[*ConflictError](err); ok && conflict.Current != nil {
			return reply(c, http.StatusPreconditionFailed, conflict.Current)
		}
		if err != nil {
			return err
		}
		return reply(c, http.StatusCreated, d)
	})
}

// putMany writes several models.
func (h *Handler) putMany(c *serve.Call) error {
	return h.authored(c, []string{"flat"}, func(ctx context.Context, author string, body []byte) error {
		flat, err := flag(c.Request().URL.Query(), "flat")
		if err != nil {
			return err
		}
		writes, err := h.registry.parseMany(ctx, body, flat)
		if err != nil {
			return err
		}
		for _, w := range writes {
			w.Author, w.use = author, useOf(c.Request(), body)
		}
		outcomes, ok, err := h.registry.PutMany(ctx, writes)
		if err != nil {
			return err
		}
		status := http.StatusOK
		if !ok {
			status = http.StatusConflict
		}
		return answer(c, status, outcomes)
	})
}

// authored calls do for a request that may write: with who makes it, the owner of
// its token, and its body. Its query may have these names.
func (h *Handler) authored(c *serve.Call, names []string, do func(ctx context.Context, author string, body []byte) error) error {
	r := c.Request()
	author := "local"
	if h.tokens != nil {
		var err error
		if author, err = h.tokens.Require(r); err != nil {
			return err
		}
	}
	if err := errors.Join(typed(r.Header), only(r.URL.Query(), names...)); err != nil {
		return err
	}
	body, err := c.Body()
	if err != nil {
		return err
	}
	ctx, cancel := c.Context()
	defer cancel()
	return do(ctx, author, body)
}
