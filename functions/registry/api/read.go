package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
)

// A page of the history.
const (
	defaultPage = 20
	maxPage     = 100
)

// reply answers with a document, its entity tag and its place.
func reply(c *serve.Call, status int, d *params.Document) error {
	c.Header().Set("Etag", params.ETag(d.Version, d.Digest))
	if status == http.StatusCreated {
		c.Header().Set("Location", "/params/"+d.Model+"/versions/"+strconv.FormatInt(d.Version, 10))
	}
	return answer(c, status, d)
}

func (h *Handler) list(c *serve.Call) error {
	ctx, cancel := c.Context()
	defer cancel()
	flat, err := flag(c.Request().URL.Query(), "flat")
	if err != nil {
		return err
	}
	var all any
	if flat {
		all, err = h.registry.Flat(ctx)
	} else {
		all, err = h.registry.All(ctx)
	}
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, all)
}

func (h *Handler) get(c *serve.Call) error {
	ctx, cancel := c.Context()
	defer cancel()
	name, header := model(c), c.Request().Header
	who, err := replicaOf(header)
	if err != nil {
		return err
	}
	if who.Name != "" {
		if err := h.registry.Saw(ctx, name, who); err != nil {
			return err
		}
	}
	tags := header.Get("If-None-Match")
	if wait := wanted(header); wait > 0 && tags != "" {
		return h.hold(c, name, tags, wait)
	}
	d, err := h.registry.Current(ctx, name)
	if err != nil {
		return err
	}
	if etag := params.ETag(d.Version, d.Digest); listed(tags, etag, true) {
		return notModified(c, etag)
	}
	return reply(c, http.StatusOK, d)
}

// hold answers when there is another document than tags name, or after a while.
func (h *Handler) hold(c *serve.Call, name, tags string, wait time.Duration) error {
	if h.Draining() { // a 304 at once would bring the caller back at once
		return &fault.Error{Kind: fault.Unavailable, Message: "the registry is about to end", RetryAfter: retryAfter}
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), shorten(wait))
	defer cancel()
	defer context.AfterFunc(h.ending, cancel)()
	d, err := h.registry.Wait(ctx, name, tags)
	if gone := c.Request().Context().Err(); gone != nil {
		return gone
	}
	if err != nil {
		return err
	}
	c.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	if d == nil {
		return notModified(c, h.registry.cached(name).etag())
	}
	return reply(c, http.StatusOK, d)
}

// notModified answers that the document with an entity tag is the newest; "" if
// there is none.
func notModified(c *serve.Call, etag string) error {
	if etag != "" {
		c.Header().Set("Etag", etag)
	}
	c.Empty(http.StatusNotModified)
	return nil
}

func (h *Handler) versions(c *serve.Call) error {
	ctx, cancel := c.Context()
	defer cancel()
	query := c.Request().URL.Query()
	before, err := number(query, "before", 0, 0, 1<<53)
	if err != nil {
		return err
	}
	limit, err := number(query, "limit", defaultPage, 1, maxPage)
	if err != nil {
		return err
	}
	list, next, err := h.registry.Versions(ctx, model(c), before, int(limit))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, struct {
		Versions []params.Document `json:"versions"`
		Next     int64             `json:"next,omitzero"`
	}{list, next})
}

func (h *Handler) version(c *serve.Call) error {
	ctx, cancel := c.Context()
	defer cancel()
	v, err := strconv.ParseInt(parts(c.Request())[3], 10, 64)
	if err != nil || v < 1 {
		return fault.New(fault.NotFound, "%s has no such version", model(c))
	}
	d, err := h.registry.Version(ctx, model(c), v)
	if err != nil {
		return err
	}
	c.Header().Set("Cache-Control", "max-age=31536000, immutable") // a version never changes
	if etag := params.ETag(d.Version, d.Digest); listed(c.Request().Header.Get("If-None-Match"), etag, true) {
		return notModified(c, etag)
	}
	return reply(c, http.StatusOK, d)
}

func (h *Handler) schema(c *serve.Call) error {
	ctx, cancel := c.Context()
	defer cancel()
	text, err := h.registry.Schema(ctx, model(c))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, text)
}

func (h *Handler) replicas(c *serve.Call) error {
	ctx, cancel := c.Context()
	defer cancel()
	if _, err := h.registry.known(ctx, model(c)); err != nil {
		return err
	}
	return answer(c, http.StatusOK, struct {
		Replicas []Replica `json:"replicas"`
	}{h.registry.replicas.list(model(c))})
}
