package serve

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// Route is one entry of a program's contract.
type Route struct {
	// Name stands in logs and metrics, so it comes from a fixed list.
	Name string

	// Methods are those that the route takes; nil means any.
	Methods []string

	// Handle answers a call, or returns why it cannot; then it has written
	// nothing yet. A fault in the error decides what the client is told.
	Handle func(*Call) error

	// Quiet marks a route that is asked for all the time: it gets no log line.
	Quiet bool
}

// Methods of most routes.
var (
	Reads  = []string{http.MethodGet, http.MethodHead}
	Writes = []string{http.MethodPost}
)

// RouterConfig says what a router leads to, and within which limits.
type RouterConfig struct {
	// Find returns the route of a request, nil if there is none.
	Find func(*http.Request) *Route

	// Headers are set on every answer. Sign, if it is not nil, sets more of them when
	// the answer is about to be written.
	Headers http.Header
	Sign    func(*Call)

	// MaxBody bounds a request's body, in bytes; 1 MiB if zero.
	MaxBody int64

	// RequestTimeout is the deadline of a call's context; 60 s if zero.
	RequestTimeout time.Duration

	Log     *telemetry.Log     // required
	Metrics *telemetry.Metrics // required
}

// Router leads requests to routes. What is the same for all of them is done here,
// once: limits, errors, panics, log lines, metrics, traces. It is safe for
// concurrent use.
type Router struct {
	cfg      RouterConfig
	headers  []header // cfg.Headers
	draining atomic.Bool
}

// NewRouter returns a router.
func NewRouter(cfg RouterConfig) *Router {
	cfg.MaxBody = cmp.Or(cfg.MaxBody, 1<<20)
	cfg.RequestTimeout = cmp.Or(cfg.RequestTimeout, time.Minute)
	rt := &Router{cfg: cfg}
	for name, value := range cfg.Headers {
		rt.headers = append(rt.headers, header{name, value})
	}
	return rt
}

// Drain makes every answer end its connection. Requests are answered as before.
func (rt *Router) Drain() { rt.draining.Store(true) }

// Draining reports whether [Router.Drain] was called.
func (rt *Router) Draining() bool { return rt.draining.Load() }

// ServeHTTP answers one request. A panic ends that request alone.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := calls.Get().(*Call)
	c.router, c.w, c.r, c.start, c.trace = rt, w, r, time.Now(), telemetry.TraceOf(r.Header)
	route := rt.cfg.Find(r)
	if route == nil {
		route = &nowhere
	}
	rt.cfg.Metrics.Begin()
	defer c.end(route)
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
		}
	}()
	setHeaders(w.Header(), rt.headers)
	err := c.allow(route.Methods)
	if err == nil {
		err = route.Handle(c)
	}
	if err != nil {
		c.fail(err)
	}
}

// nowhere answers what no route takes.
var nowhere = Route{Name: "none", Handle: func(c *Call) error {
	return fault.New(fault.NotFound, "there is no %s", c.r.URL.Path)
}}

// allow refuses a method that the route does not take.
func (c *Call) allow(methods []string) error {
	if methods == nil || slices.Contains(methods, c.r.Method) {
		return nil
	}
	list := strings.Join(methods, ", ")
	c.w.Header().Set("Allow", list)
	return fault.New(fault.Method, "%s takes %s", c.r.URL.Path, list)
}
