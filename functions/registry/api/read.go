package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

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
	if h.Draining() {
		return endsSoon()
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

// endsSoon refuses to hold an answer: a 304 at once would bring the caller back at
// once.
func endsSoon() error {
	return &fault.Error{Kind: fault.Unavailable, Message: "the registry is about to end", RetryAfter: retryAfter}
}

// notModified answers that what has an entity tag is the newest; "" if there is
// none.
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
	name, header := model(c), c.Request().Header
	if _, err := h.registry.known(ctx, name); err != nil {
		return err
	}
	tags := header.Get("If-None-Match")
	wait := wanted(header)
	if wait == 0 || tags == "" {
		return h.replyReplicas(c, name, tags)
	}
	if h.Draining() {
		return endsSoon()
	}
	c.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	return h.holdReplicas(c, name, tags, wait)
}

// holdReplicas answers when there is another list than tags name, or after a while.
func (h *Handler) holdReplicas(c *serve.Call, name, tags string, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), shorten(wait))
	defer cancel()
	defer context.AfterFunc(h.ending, cancel)()
	for {
		news := h.registry.replicas.news(name) // before the list, so that nothing falls between
		_, etag, err := h.replicaList(name)
		if err != nil || ctx.Err() != nil || !listed(tags, etag, true) {
			return h.replyReplicas(c, name, tags)
		}
		select {
		case <-news:
		case <-ctx.Done(): // and an entry may have expired
		}
		if gone := c.Request().Context().Err(); gone != nil {
			return gone
		}
	}
}

// replyReplicas answers with the replicas of a model, unless tags name their list.
func (h *Handler) replyReplicas(c *serve.Call, name, tags string) error {
	body, etag, err := h.replicaList(name)
	if err != nil {
		return err
	}
	if listed(tags, etag, true) {
		return notModified(c, etag)
	}
	c.Header().Set("Etag", etag)
	c.Reply(http.StatusOK, body)
	return nil
}

// replicaList returns the replicas of a model as they are answered, and the entity
// tag of that.
func (h *Handler) replicaList(name string) (body []byte, etag string, err error) {
	body, err = json.Marshal(struct {
		Replicas []Replica `json:"replicas"`
	}{h.registry.replicas.list(name)})
	sum := sha256.Sum256(body)
	return body, `"` + hex.EncodeToString(sum[:8]) + `"`, err
}
