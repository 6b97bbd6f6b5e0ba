// Package remote calls components that run as functions of their own.
//
// A [Client] belongs to one component. Each call has the caller's deadline, names
// the document that the component is to answer with, and checks that the answer
// is of that document: a caller never gets numbers of other params than it asked
// for. A prediction changes nothing, so a call that failed on the way is tried
// once more, within a budget that keeps a component in trouble from being buried
// under retries. A circuit breaker stops the calls to one that keeps failing.
//
// What the component refuses is a fault of kind Invalid, as it would be in the
// process; whatever keeps it from answering is one of kind Unavailable.
// A Client is safe for concurrent use.
package remote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/sony/gobreaker/v2"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// Headers by which a caller names params, and an answer says which it is of, and whose.
const (
	ModelHeader   = "Modelfn-Model"
	VersionHeader = "Modelfn-Params-Version"
	DigestHeader  = "Modelfn-Params-Digest"
)

// Config says which component to call, and how.
type Config struct {
	Component string // its name
	URL       string // where it answers, such as http://component-d.team.svc.cluster.local

	// Timeout bounds one call with its retry, on top of the caller's deadline;
	// 10 s if zero.
	Timeout time.Duration

	// Failures in a row open the breaker; 5 if zero. It lets a trial call through
	// after Recovery; 2 s if zero.
	Failures uint32
	Recovery time.Duration

	// MaxAnswer bounds the size of an answer, in bytes; 32 MiB if zero.
	MaxAnswer int64

	Log     *slog.Logger       // required
	Metrics *telemetry.Metrics // required
	Client  http.RoundTripper  // nil: a transport of the client's own
}

// Client calls one component.
type Client struct {
	cfg     Config
	predict string // the URL
	http    http.Client
	breaker *gobreaker.CircuitBreaker[[]byte]
	budget  budget
	state   atomic.Int32 // the breaker's, as it was told last
}

// New returns a client. The URL must be absolute, with http or https.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("component %s: %q is not an http or https URL", cfg.Component, cfg.URL)
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, 10*time.Second)
	cfg.Recovery = cmp.Or(cfg.Recovery, 2*time.Second)
	cfg.Failures = cmp.Or(cfg.Failures, 5)
	cfg.MaxAnswer = cmp.Or(cfg.MaxAnswer, 32<<20)
	if cfg.Client == nil {
		cfg.Client = transport()
	}
	c := &Client{cfg: cfg, predict: u.JoinPath("predict").String(), http: http.Client{
		Transport:     cfg.Client,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.breaker = gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{
		Name:        cfg.Component,
		Timeout:     cfg.Recovery,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= cfg.Failures },
		// A caller that went away says nothing about the component, and an answer
		// that refuses a request says that the component works.
		IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) },
		IsSuccessful: func(err error) bool { return err == nil || errors.As(err, new(*refusal)) },
	})
	cfg.Metrics.Breaker(cfg.Component, int(gobreaker.StateClosed))
	return c, nil
}

// transport keeps enough connections open that calls at once do not have to dial.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil // the URL is the component's own
	t.DialContext = (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
	return t
}

// Close lets go of the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Predict posts a request body to the component and returns the answer's body,
// which is of exactly the pinned document.
func (c *Client) Predict(ctx context.Context, pin params.Pin, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	answer, err := c.attempt(ctx, pin, body)
	if retryable(ctx, err) && c.budget.take() {
		answer, err = c.attempt(ctx, pin, body)
	}
	if err == nil {
		c.budget.give()
		return answer, nil
	}
	return nil, c.fault(err)
}

// attempt makes one call through the breaker.
func (c *Client) attempt(ctx context.Context, pin params.Pin, body []byte) ([]byte, error) {
	answer, err := c.breaker.Execute(func() ([]byte, error) { return c.post(ctx, pin, body) })
	c.observe()
	return answer, err
}

// observe tells of a changed breaker state. It is done here, after a call, and
// not in gobreaker's hook, which runs under the breaker's lock.
func (c *Client) observe() {
	now := c.breaker.State()
	if before := gobreaker.State(c.state.Swap(int32(now))); before != now {
		c.cfg.Metrics.Breaker(c.cfg.Component, int(now))
		c.cfg.Log.Warn("circuit breaker", "component", c.cfg.Component, "from", before.String(), "to", now.String())
	}
}

// refusal is an answer of the component other than 200.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.text) }

// told is what the answer says to a caller, without the id that only the component's
// log knows: what is wrong, and the path of it within the input or the inputs, as the
// component would give it in the process. Several mistakes have no path.
func (r *refusal) told() (path, message string) {
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(r.text), &body) != nil || body.Error == "" {
		return "", "the input"
	}
	field, message, found := strings.Cut(body.Error, ": ")
	path, is := strings.CutPrefix(field, "input")
	path = strings.TrimPrefix(path, "s")
	if !found || !is || path != "" && path[0] != '[' && path[0] != '.' || strings.Contains(message, "; input") {
		return "", body.Error
	}
	return strings.TrimPrefix(path, "."), message
}

// broken reports whether the answer says that the component is in trouble.
func (r *refusal) broken() bool { return r.status >= 500 || r.status == http.StatusTooManyRequests }

func (c *Client) post(ctx context.Context, pin params.Pin, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.predict, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(VersionHeader, strconv.FormatInt(pin.Version, 10))
	req.Header.Set(DigestHeader, pin.Digest)
	telemetry.TraceFrom(ctx).Set(req.Header)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case resp.StatusCode != http.StatusOK:
		r := &refusal{resp.StatusCode, string(answer[:min(len(answer), maxReason)])}
		// Where the component is gone, it is an ingress that answers, with 404.
		if r.broken() || resp.Header.Get(ModelHeader) == "" {
			return nil, fmt.Errorf("%d: %s", r.status, r.text)
		}
		return nil, r
	case int64(len(answer)) > c.cfg.MaxAnswer:
		return nil, &refusal{resp.StatusCode, fmt.Sprintf("the answer is over %d bytes", c.cfg.MaxAnswer)}
	case resp.Header.Get(DigestHeader) != pin.Digest:
		return nil, &refusal{resp.StatusCode, "the answer is of other params: " + resp.Header.Get(DigestHeader)}
	}
	return answer, nil
}

// maxReason is how much of an answer that is none is kept, in bytes.
const maxReason = 8 << 10

// retryable reports whether another attempt may help: not after an answer that
// refuses the request, not with the breaker open, not for a caller out of time.
func retryable(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && !errors.As(err, new(*refusal)) &&
		!errors.Is(err, gobreaker.ErrOpenState) && !errors.Is(err, gobreaker.ErrTooManyRequests)
}

// fault turns a failed call into what the caller of the model is told.
func (c *Client) fault(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		path, message := r.told()
		refused := &fault.Error{Kind: fault.Invalid, Path: path, Message: c.cfg.Component + " refuses: " + message, Err: err}
		switch r.status {
		case http.StatusBadRequest:
			return refused
		case http.StatusRequestEntityTooLarge: // numbers may have more digits on their way than they came with
			refused.Kind = fault.TooLarge
			return refused
		}
	}
	after := time.Second
	if errors.Is(err, gobreaker.ErrOpenState) {
		after = c.cfg.Recovery
	}
	return fault.Away(after, err, "component %s is not available", c.cfg.Component)
}

// budget allows one retry for every ten calls that succeeded, and ten from the
// start.
type budget struct{ spent atomic.Int64 } // in tenths of a retry

const budgetSize = 100

func (b *budget) take() bool {
	if b.spent.Add(10) <= budgetSize {
		return true
	}
	b.spent.Add(-10)
	return false
}

func (b *budget) give() {
	for {
		n := b.spent.Load()
		if n == 0 || b.spent.CompareAndSwap(n, n-1) {
			return
		}
	}
}
