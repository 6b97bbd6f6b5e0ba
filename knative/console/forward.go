package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/serve"
)

const (
	// resends is how often a request that had already been sent is sent again. A
	// request that makes a model crash must not take one instance after another
	// with it.
	resends = 1

	// pause lies between two attempts, and grows by as much with each. A model is ready
	// some 10 ms after it was started.
	pause        = 10 * time.Millisecond
	longestPause = 5 * pause
)

// longestAnswer is how long a request to the registry may take at least, whatever
// the gateway's timeout: it holds an answer for up to 30 s.
const longestAnswer = 45 * time.Second

// call is one request on its way to a model or the registry.
type call struct {
	asked   *http.Request // by the client; nil if the gateway itself asks
	route   route
	who     string // answers
	body    []byte
	timeout time.Duration
	began   time.Time
	waits   bool // for new params
	repeats bool // it may be sent again after it was sent

	// Of the answer, as far as there is one:
	status   int
	revision string
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// newCall returns the call that a request is.
func (g *Gateway) newCall(r *http.Request, to route, body []byte) *call {
	c := &call{asked: r, route: to, who: to.name, body: body, timeout: g.timeout, began: time.Now(), repeats: true}
	if to.action == askRegistry {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		c.who = "the registry"
		c.timeout = max(g.timeout, longestAnswer)
		c.waits = reads && has(r.Header, "Prefer") && has(r.Header, "If-None-Match")
		c.repeats = reads || has(r.Header, "Idempotency-Key")
	}
	return c
}

// errDraining ends a call that waits for new params.
var errDraining = errors.New("the gateway ends")

// forward reads the request's body whole, so that it can be sent again, and
// passes the answer back.
func (g *Gateway) forward(w http.ResponseWriter, r *http.Request, to route) {
	body, err := g.readBody(w, r)
	if err != nil {
		g.fail(w, r, fault.From(err))
		return
	}
	defer g.bodies.free(body)
	// The limit on reading must not cut off a long prediction: the server reads on
	// behind the request, to see the client go.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	c := g.newCall(r, to, body)
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), callKey{}, c), c.timeout)
	defer cancel()
	if c.waits {
		waiting, end := context.WithCancelCause(ctx)
		defer context.AfterFunc(g.ending, func() { end(errDraining) })()
		ctx = waiting
	}
	defer g.answeredAll(r, c) // also if the client went: then the proxy panics
	g.proxy.ServeHTTP(finalOnly{w}, r.WithContext(ctx))
}

// answered notes what a model, or the registry, answered, and takes out what is not to
// go on.
func answered(resp *http.Response) error {
	c := callOf(resp.Request.Context())
	c.status, c.revision = resp.StatusCode, resp.Header.Get("Modelfn-Revision")
	confine(resp.Header, c.route)
	return nil
}

// answeredAll counts a prediction that was answered, and makes the page see a write
// at once. What the client gave up counts for nothing.
func (g *Gateway) answeredAll(r *http.Request, c *call) {
	switch c.route.action {
	case predict, predictV1:
		if c.status == 0 || r.Context().Err() != nil {
			return
		}
		failed := c.status >= 500 || c.status == http.StatusTooManyRequests
		g.tallies.of(c.route.name).add(time.Now(), time.Since(c.began), failed, c.revision)
	case askRegistry:
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !reads && c.status/100 == 2 {
			g.written(c.route.path)
		}
	}
}

// patientTransport sends a request to an instance of its model, or of the registry,
// to another one if that went away, and waits a moment if there is none.
type patientTransport struct{ g *Gateway }

// RoundTrip may send a request more than once, if the call says that this changes
// nothing.
func (t patientTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, g := r.Context(), t.g
	call := callOf(ctx)
	left, rest := resends, time.Duration(0)
	giveUp := time.Now().Add(g.patience)
	err := errors.New("no instance is ready")
	for {
		if instance := g.instances(call.route).next(); instance != nil {
			var resp *http.Response
			if resp, err = g.transport.RoundTrip(attempt(r, instance, call.body)); err == nil {
				if err = gone(resp); err == nil {
					return resp, nil
				}
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if !unsent(err) {
				if !call.repeats {
					return nil, fault.Away(time.Second, err, "%s broke off the request: it may have been made", call.who)
				}
				if left == 0 {
					return nil, fault.Away(time.Second, err, "%s broke off the request", call.who)
				}
				left--
			}
		}
		if time.Now().After(giveUp) {
			if errors.Is(err, errNoParams) {
				return nil, fault.Away(time.Second, err, "%s has no params yet", call.who)
			}
			return nil, fault.Away(time.Second, err, "%s is away", call.who)
		}
		rest = min(rest+pause, longestPause)
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// instances returns where a route leads to; nil if that is not there any more.
func (g *Gateway) instances(to route) *Model {
	if to.action == askRegistry {
		return g.discovery.Registry()
	}
	return g.discovery.Models()[to.name]
}

// attempt returns a request of its own for one attempt: the transport may go on
// reading one that failed.
func attempt(r *http.Request, instance *url.URL, body []byte) *http.Request {
	out := r.WithContext(r.Context())
	out.URL = &url.URL{Scheme: instance.Scheme, Host: instance.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	if len(body) == 0 {
		out.Body = http.NoBody
		return out
	}
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	out.Body, _ = out.GetBody()
	return out
}

// unsent reports whether err says that there was nobody to send to, or none that could
// begin to answer.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial" || errors.Is(err, errRefused) || errors.Is(err, errNoParams)
}

// What Knative says of a program that has died in its pod, until it runs again there:
// neither models nor the registry answer with 502. And what the program itself says
// then, until it has its params.
var (
	errRefused  = errors.New("the program is not there")
	errDied     = errors.New("the program ended while it answered")
	errNoParams = errors.New("the program has no params yet")
)

// longestGoneText is how much of such an answer is looked at.
const longestGoneText = 1 << 10

// gone returns an error if it is Knative that answers, for a program that is not there,
// or a program that is there, and no more.
func gone(resp *http.Response) error {
	noParams := resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get(serve.ParamsHeader) == serve.NoParams
	if resp.StatusCode != http.StatusBadGateway && !noParams {
		return nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, longestGoneText))
	switch {
	case noParams:
		return errNoParams
	case err == nil && bytes.Contains(text, []byte("connect: connection refused")):
		return errRefused
	}
	return errDied
}

// forwardFailed answers for a model, or the registry, that did not.
func (g *Gateway) forwardFailed(w http.ResponseWriter, r *http.Request, err error) {
	call := callOf(r.Context())
	defer func() { call.status = http.StatusServiceUnavailable }()
	switch {
	case errors.Is(err, errDraining): // there is nothing new, as the registry says when it ends
		w.Header().Set("ETag", r.Header.Get("If-None-Match"))
		w.WriteHeader(http.StatusNotModified)
	case errors.Is(err, context.Canceled):
		panic(http.ErrAbortHandler) // the client has gone; there is nobody to answer
	case errors.Is(err, context.DeadlineExceeded):
		g.fail(w, call.asked, fault.Away(time.Second, err, "%s did not answer within %s", call.who, call.timeout))
	default:
		g.fail(w, call.asked, fault.From(err))
	}
}

// newTransport returns the connections to the models and the registry: kept alive, as many as
// there are requests at once, and never through a proxy of the environment.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 1024,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true, // what a model compressed stays so
	}
}

// buffers keeps the buffers that answers are copied through.
type buffers struct{ pool sync.Pool }

var copyBuffers buffers

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
