package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// Call is one request on its way through a route. Calls are used again, with
// their buffers: neither a call nor what its methods return may be kept after the
// route has returned. A call belongs to one goroutine.
type Call struct {
	router *Router
	w      http.ResponseWriter
	r      *http.Request
	start  time.Time
	trace  telemetry.Trace

	held    holder    // what the answer comes from; nil for nothing
	version int64     // its params version
	from    *Instance // what the answer's headers name; nil for that which serves

	body []byte // the request's
	out  []byte // the answer's

	status int    // 0 until the answer is written
	id     string // of an error
	err    error  // for the log
}

// holder is something that the call holds on to until it ends.
type holder interface{ Release() }

// Request returns the request.
func (c *Call) Request() *http.Request { return c.r }

// Header returns the headers of the answer.
func (c *Call) Header() http.Header { return c.w.Header() }

// Hold keeps h until the call ends, and names the params version that answers in
// the log line.
func (c *Call) Hold(h holder, version int64) { c.held, c.version = h, version }

var calls = sync.Pool{New: func() any { return new(Call) }}

// A buffer above keep is not kept for the next call.
const keep = 64 << 10

// end writes the log line and the metrics, and gives the call back.
func (c *Call) end(route *Route) {
	if c.held != nil {
		c.held.Release()
	}
	took := time.Since(c.start)
	c.router.cfg.Metrics.End(route.Name, c.status, took)
	c.log(route, took)
	body, out := c.body[:0], c.out[:0]
	if cap(body) > keep || cap(out) > keep {
		body, out = nil, nil
	}
	*c = Call{body: body, out: out}
	calls.Put(c)
}

// log writes the one line of a request.
func (c *Call) log(route *Route, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case route.Quiet:
		level = slog.LevelDebug
	case c.status >= 500:
		level = slog.LevelError
	}
	line := telemetry.Request{At: c.start.Add(took), Route: route.Name, Status: c.status, Took: took, Trace: c.trace.ID(), Params: -1}
	if c.held != nil {
		line.Params = c.version
	}
	if c.err != nil {
		line.ID, line.Error = c.id, c.err.Error()
	}
	c.router.cfg.Log.Request(level, &line)
}

// Context returns the context of the work that answers the call: it carries the
// trace, and ends with the client and at the deadline.
func (c *Call) Context() (context.Context, context.CancelFunc) {
	w := c.work()
	return w, w.end
}

func (c *Call) work() *work {
	return &work{parent: c.r.Context(), deadline: c.start.Add(c.router.cfg.RequestTimeout), trace: c.trace}
}

// late is the error of work that is done, but not in time; nil if it is. What does not
// look at its context is as late as what does.
func (c *Call) late() error {
	if time.Since(c.start) < c.router.cfg.RequestTimeout {
		return nil
	}
	return context.DeadlineExceeded
}

// Body reads the request's body, which has to be JSON, not compressed, and within the
// limit.
func (c *Call) Body() ([]byte, error) {
	if err := checkJSON(c.r.Header["Content-Type"]); err != nil {
		return nil, err
	}
	for _, encoding := range c.r.Header["Content-Encoding"] {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return nil, fault.New(fault.MediaType, "the Content-Encoding %q is not taken: send the body as it is", encoding)
		}
	}
	limit := c.router.cfg.MaxBody
	if c.r.ContentLength > limit {
		return nil, c.tooLarge()
	}
	body := c.r.Body // which ends at its length
	if c.r.ContentLength < 0 {
		body = http.MaxBytesReader(c.w, body, limit)
	}
	for {
		if have := cap(c.body); len(c.body) == have {
			// No more than what has arrived, beside a little: who only says that much is to
			// come takes no memory.
			more := min(int(c.r.ContentLength)-have+1, max(have, keep))
			c.body = append(c.body, make([]byte, max(512, more))...)[:have]
		}
		n, err := body.Read(c.body[len(c.body):cap(c.body)])
		c.body = c.body[:len(c.body)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, c.unreadable(err)
		}
	}
	return c.body, nil
}

func (c *Call) tooLarge() error {
	return fault.New(fault.TooLarge, "the body is over %d bytes", c.router.cfg.MaxBody)
}

// unreadable explains why a body could not be read.
func (c *Call) unreadable(err error) error {
	if errors.As(err, new(*http.MaxBytesError)) {
		return c.tooLarge()
	}
	return &fault.Error{Kind: fault.Invalid, Message: "the body did not arrive in full", Err: err}
}

// Empty writes an answer without a body.
func (c *Call) Empty(status int) { c.head(status) }

// measured is how long an answer may be for net/http to write its length by itself,
// which costs nothing.
const measured = 1 << 10

// Reply writes a JSON answer.
func (c *Call) Reply(status int, body []byte) {
	h := c.w.Header()
	h["Content-Type"] = jsonType
	if len(body) > measured || c.r.Method == http.MethodHead {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	c.head(status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(body) // a client that went away cannot be told
	}
}

// head writes the status and the headers.
func (c *Call) head(status int) {
	c.status = status
	if c.router.cfg.Sign != nil {
		c.router.cfg.Sign(c)
	}
	if c.router.draining.Load() {
		c.w.Header()["Connection"] = closeConn
	}
	c.w.WriteHeader(status)
}

var (
	jsonType  = []string{"application/json"}
	closeConn = []string{"close"}
)

// Answer replies with a value as JSON.
func (c *Call) Answer(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.Reply(status, body)
	return nil
}

// clientClosed is the status of a request whose client has closed the connection,
// as nginx numbers it. One that closed only its own direction hears it.
const clientClosed = 499

// fail replies with an error. What is inner goes to the log, under the id that
// the client is told.
func (c *Call) fail(err error) {
	c.err, c.id = err, telemetry.NewID()
	if c.status != 0 {
		return // the answer is out
	}
	if errors.Is(err, context.Canceled) && c.r.Context().Err() != nil {
		c.Empty(clientClosed)
		return
	}
	f := fault.From(err)
	if f.Kind == fault.Internal && errors.Is(err, context.DeadlineExceeded) {
		f = fault.Away(time.Second, err, "not answered within %v", c.router.cfg.RequestTimeout)
	}
	h := c.w.Header()
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	switch f.Kind {
	case fault.Unauthorized:
		h.Set("Www-Authenticate", `Bearer realm="modelfn"`)
	case fault.TooLarge:
		h["Connection"] = closeConn // the rest of the body is not worth reading
	}
	body, err := json.Marshal(problem{f.Public(), c.id})
	if err != nil { // a message with invalid UTF-8
		body = []byte(`{"error":"the request is not valid","id":"` + c.id + `"}`)
	}
	c.Reply(f.Kind.Status(), body)
}

// panicked ends a call whose handler panicked, and only that one.
func (c *Call) panicked(p any) {
	err := &panicError{value: p, stack: debug.Stack()}
	if c.status != 0 {
		c.err = err
		return
	}
	c.fail(err)
}

// panicError is what a handler panicked with.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return "panic: " + slog.AnyValue(e.value).String() + "\n" + string(e.stack)
}

// checkJSON refuses a body of another type than JSON. Without a type it is taken
// for JSON.
func checkJSON(types []string) error {
	if len(types) == 0 || types[0] == "application/json" {
		return nil
	}
	if t, _, err := mime.ParseMediaType(types[0]); err == nil && (t == "application/json" || strings.HasSuffix(t, "+json")) {
		return nil
	}
	return fault.New(fault.MediaType, "the Content-Type has to be application/json")
}
