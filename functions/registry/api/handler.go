package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
	"github.com/modelfn/modelfn/framework/token"
)

// HandlerConfig says how a registry answers HTTP requests.
type HandlerConfig struct {
	// Tokens are those who may write. nil lets everybody write: for a listener
	// that only this machine reaches.
	Tokens *token.File

	MaxBody        int64         // of a request, in bytes; 1 MiB if zero
	RequestTimeout time.Duration // of everything but a wait; 60 s if zero

	Log     *telemetry.Log     // required
	Metrics *telemetry.Metrics // required
}

// Handler is the registry's HTTP contract. It is safe for concurrent use.
type Handler struct {
	*serve.Router
	registry *Registry
	tokens   *token.File
	ending   context.Context // ends when the drain begins, and with it all waits
	end      context.CancelFunc
}

// NewHandler returns the handler of a registry.
func NewHandler(r *Registry, cfg HandlerConfig) *Handler {
	h := &Handler{registry: r, tokens: cfg.Tokens}
	h.ending, h.end = context.WithCancel(context.Background())
	h.Router = serve.NewRouter(serve.RouterConfig{
		Find:           h.routes(),
		MaxBody:        cfg.MaxBody,
		RequestTimeout: cfg.RequestTimeout,
		Log:            cfg.Log,
		Metrics:        cfg.Metrics,
	})
	return h
}

// Drain ends all waits, and then what a router's drain does.
func (h *Handler) Drain() {
	h.Router.Drain()
	h.end()
}

// routes returns the function that finds the route of a request.
func (h *Handler) routes() func(*http.Request) *serve.Route {
	route := func(name string, methods []string, handle func(*serve.Call) error) *serve.Route {
		return &serve.Route{Name: name, Methods: methods, Handle: handle}
	}
	all := map[string]*serve.Route{
		http.MethodGet: route("list", nil, h.list),
		http.MethodPut: route("put-many", nil, h.putMany),
	}
	one := map[string]*serve.Route{
		http.MethodGet:   route("get", nil, h.get),
		http.MethodPut:   route("put", nil, h.put),
		http.MethodPatch: route("patch", nil, h.patch),
	}
	below := map[string]*serve.Route{
		"versions": route("versions", serve.Reads, h.versions),
		"schema":   route("schema", serve.Reads, h.schema),
		"replicas": route("replicas", serve.Reads, h.replicas),
		"promote":  route("promote", serve.Writes, h.copy(promotion)),
		"rollback": route("rollback", serve.Writes, h.copy(rollback)),
	}
	version := route("version", serve.Reads, h.version)
	ready := &serve.Route{Name: "ready", Methods: serve.Reads, Handle: h.ready, Quiet: true}
	live := &serve.Route{Name: "live", Methods: serve.Reads, Handle: h.live, Quiet: true}
	health := map[string]*serve.Route{
		"/health/ready": ready, "/health/readiness": ready, "/readyz": ready,
		"/health/live": live, "/health/liveness": live, "/livez": live, "/healthz": live,
	}
	byMethod := func(methods map[string]*serve.Route, r *http.Request, allowed ...string) *serve.Route {
		if r.Method == http.MethodHead {
			return methods[http.MethodGet]
		}
		if found, ok := methods[r.Method]; ok {
			return found
		}
		return route("params", allowed, nil) // refused for its method
	}
	return func(r *http.Request) *serve.Route {
		part := parts(r)
		switch {
		case part[0] != "params":
			return health[r.URL.Path]
		case len(part) == 1:
			return byMethod(all, r, http.MethodGet, http.MethodHead, http.MethodPut)
		case len(part) == 2:
			return byMethod(one, r, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch)
		case len(part) == 3:
			return below[part[2]]
		case len(part) == 4 && part[2] == "versions":
			return version
		}
		return nil
	}
}

// parts are those of a request's path: params, the model, and what is below.
func parts(r *http.Request) []string {
	return strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
}

// model is the model that the request's path names.
func model(c *serve.Call) string { return parts(c.Request())[1] }

// answer replies with a value as JSON, the same for the same value.
func answer(c *serve.Call, status int, v any) error {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	c.Reply(status, body)
	return nil
}

func (h *Handler) live(c *serve.Call) error {
	return answer(c, http.StatusOK, map[string]bool{"live": true})
}

func (h *Handler) ready(c *serve.Call) error {
	if h.Draining() {
		return answer(c, http.StatusServiceUnavailable, map[string]any{"ready": false, "reason": "draining"})
	}
	return answer(c, http.StatusOK, map[string]bool{"ready": true})
}
