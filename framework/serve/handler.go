package serve

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/predict"
	"github.com/modelfn/modelfn/framework/telemetry"
	"github.com/modelfn/modelfn/framework/token"
)

// HandlerConfig is what a handler serves, and within which limits.
type HandlerConfig struct {
	Model    string // its name
	Revision string // the Knative revision; for the header
	Keeper   *params.Keeper[*Instance]

	// Evaluate builds an instance of params that are nowhere stored, and a
	// function that closes it, or nil.
	Evaluate func(ctx context.Context, set params.Set) (*Instance, func(), error)

	// Complete adds to a document what it requires; nil if only components in use are
	// to be had. See [params.Registry.Complete].
	Complete func(ctx context.Context, doc params.Document) (params.Set, error)

	// History has the versions that are not current, nil if there is none.
	History *params.History[*Instance]

	// Pinned says that the model stays on its version, whatever is announced.
	Pinned bool

	// Tokens guard evaluation; nil means that nobody has one. Trusted lets
	// everybody of this machine in, but no page of another site: for a listener that
	// only this machine reaches.
	Tokens  *token.File
	Trusted bool

	// MaxBody and RequestTimeout are those of [RouterConfig].
	MaxBody        int64
	RequestTimeout time.Duration

	Log     *telemetry.Log     // required
	Metrics *telemetry.Metrics // required
}

// Handler answers the HTTP requests of a model function. It is safe for
// concurrent use.
type Handler struct {
	*Router
	cfg      HandlerConfig
	building chan struct{} // a place for each evaluation
}

// NewHandler returns the handler of a model.
func NewHandler(cfg HandlerConfig) *Handler {
	h := &Handler{cfg: cfg, building: make(chan struct{}, maxEvaluations)}
	h.Router = NewRouter(RouterConfig{
		Find:           h.routes(),
		Headers:        http.Header{ModelHeader: {cfg.Model}, RevisionHeader: {cfg.Revision}},
		Sign:           h.sign,
		MaxBody:        cfg.MaxBody,
		RequestTimeout: cfg.RequestTimeout,
		Log:            cfg.Log,
		Metrics:        cfg.Metrics,
	})
	return h
}

// routes returns the function that finds the route of a request.
func (h *Handler) routes() func(*http.Request) *Route {
	ready := &Route{Name: "ready", Methods: Reads, Handle: h.ready, Quiet: true}
	live := &Route{Name: "live", Methods: Reads, Handle: h.live, Quiet: true}
	model := "/v1/models/" + h.cfg.Model
	table := map[string]*Route{
		"/predict":          {Name: "predict", Methods: Writes, Handle: h.predict(predict.Native)},
		"/evaluate":         {Name: "evaluate", Methods: Writes, Handle: h.evaluate},
		"/params":           {Name: "params", Methods: Reads, Handle: h.params},
		"/events":           {Name: "events", Methods: Writes, Handle: h.events},
		"/v1/models":        {Name: "v1:list", Methods: Reads, Handle: h.listV1},
		model:               {Name: "v1:model", Methods: Reads, Handle: h.readyV1},
		model + ":predict":  {Name: "v1:predict", Methods: Writes, Handle: h.predict(predict.V1)},
		"/health/ready":     ready,
		"/health/readiness": ready,
		"/readyz":           ready,
		"/health/live":      live,
		"/health/liveness":  live,
		"/livez":            live,
		"/healthz":          live,
	}
	return func(r *http.Request) *Route { return table[r.URL.Path] }
}

// sign says in the headers which params an answer comes from. One that comes from
// none, an error for example, says which ones serve.
func (h *Handler) sign(c *Call) {
	if c.from != nil {
		setHeaders(c.Header(), c.from.headers)
		return
	}
	if s := h.cfg.Keeper.Acquire(); s != nil {
		setHeaders(c.Header(), s.Value.headers)
		s.Release()
	}
}

// acquire takes hold of the snapshot that answers. A request may name the params
// that it wants.
func (h *Handler) acquire(c *Call) (*params.Snapshot[*Instance], error) {
	s := h.cfg.Keeper.Acquire()
	version, digest := c.r.Header[VersionHeader], c.r.Header[DigestHeader]
	if version != nil || digest != nil {
		var err error
		if s, err = h.named(c, s, version, digest); err != nil {
			return nil, err
		}
	}
	if s == nil {
		c.Header().Set(ParamsHeader, NoParams)
		return nil, fault.Away(time.Second, nil, "no params are loaded yet")
	}
	c.answerFrom(s)
	return s, nil
}

// answerFrom holds on to the snapshot that answers, and has the headers name it.
func (c *Call) answerFrom(s *params.Snapshot[*Instance]) {
	c.Hold(s, s.Set.Version)
	c.from = s.Value
}

// named returns the snapshot that the headers name: the current one, which it is
// given, or one from history.
func (h *Handler) named(c *Call, current *params.Snapshot[*Instance], version, digest []string) (s *params.Snapshot[*Instance], err error) {
	wanted := params.Pin{}
	if current != nil {
		wanted = current.Set.Pin()
	}
	if len(version) > 1 || len(digest) > 1 {
		err = fault.Field(VersionHeader, "there twice")
	} else if version != nil {
		if wanted.Version, err = strconv.ParseInt(version[0], 10, 64); err != nil || wanted.Version < 0 {
			err = fault.Field(VersionHeader, "not a version")
		}
	}
	if digest != nil {
		wanted.Digest = digest[0]
	}
	fits := func(s *params.Snapshot[*Instance]) bool {
		return s.Set.Version == wanted.Version && (digest == nil || s.Set.Digest == wanted.Digest)
	}
	if current != nil {
		if err == nil && fits(current) {
			return current, nil
		}
		current.Release()
	}
	if err != nil {
		return nil, err
	}
	if h.cfg.History != nil && wanted.Version > 0 {
		ctx, cancel := c.Context()
		defer cancel()
		if s, err = h.cfg.History.Acquire(ctx, wanted.Version); err != nil {
			if f := fault.From(err); f.Kind == fault.Invalid { // those params are, not the request
				err = &fault.Error{Kind: fault.NotFound, Message: fmt.Sprintf("params version %d does not fit: %s", wanted.Version, f.Public()), Err: err}
			}
			return nil, err
		}
		if fits(s) {
			return s, nil
		}
		s.Release()
	}
	return nil, fault.New(fault.NotFound, "params version %d is not here", wanted.Version)
}

func (h *Handler) predict(f *predict.Format) func(*Call) error {
	return func(c *Call) error {
		body, err := c.Body()
		if err != nil {
			return err
		}
		s, err := h.acquire(c) // not before: whoever sends slowly holds nothing meanwhile
		if err != nil {
			return err
		}
		w := c.work()
		defer w.end()
		if c.out, err = s.Value.runner.Answer(w, f, c.out[:0], body); err != nil {
			return err
		}
		if err := c.late(); err != nil {
			return err
		}
		c.Reply(http.StatusOK, c.out)
		return nil
	}
}

func (h *Handler) listV1(c *Call) error {
	return c.Answer(http.StatusOK, map[string]any{"models": []string{h.cfg.Model}})
}

func (h *Handler) readyV1(c *Call) error {
	return c.Answer(http.StatusOK, map[string]any{"name": h.cfg.Model, "ready": h.notReady() == ""})
}

func (h *Handler) live(c *Call) error {
	c.Reply(http.StatusOK, []byte(`{"live":true}`))
	return nil
}

func (h *Handler) ready(c *Call) error {
	if why := h.notReady(); why != "" {
		return c.Answer(http.StatusServiceUnavailable, map[string]any{"ready": false, "reason": why})
	}
	c.Reply(http.StatusOK, []byte(`{"ready":true}`))
	return nil
}

// notReady says why the function cannot take requests, "" if it can. Two flags in
// memory decide.
func (h *Handler) notReady() string {
	switch {
	case h.Draining():
		return "draining"
	case h.cfg.Keeper.Loaded():
		return ""
	}
	if rejection := h.cfg.Keeper.Status().Rejection; rejection != nil {
		return "the params do not fit: " + rejection.Error
	}
	return "no params are loaded yet"
}
