package serve

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/predict"
	"github.com/modelfn/modelfn/framework/schema"
)

// Limits of an evaluation: how many at once, and how many inputs each.
const (
	maxEvaluations = 2
	maxInputs      = 1000
)

// used is the answer of GET /params: the snapshot in use.
type used struct {
	Model    string                `json:"model"`
	Version  int64                 `json:"version"`
	Digest   string                `json:"digest,omitzero"`
	Requires map[string]params.Pin `json:"requires,omitzero"`
	State    params.State          `json:"state"`
	Since    time.Time             `json:"since,omitzero"`
	Rejected *params.Rejection     `json:"rejected,omitzero"`
}

func (h *Handler) params(c *Call) error {
	s, status := h.cfg.Keeper.Stand()
	u := used{Model: h.cfg.Model, State: status.State, Since: status.Since, Rejected: status.Rejection}
	if h.Draining() {
		u.State = params.Draining
	}
	if s != nil {
		c.answerFrom(s)
		u.Version, u.Digest, u.Requires = s.Set.Version, s.Set.Digest, s.Set.Requires
	}
	return c.Answer(http.StatusOK, &u)
}

// evaluation is the body of POST /evaluate.
type evaluation struct {
	Params   jsontext.Value        `json:"params"`
	Requires map[string]params.Pin `json:"requires,omitzero"`
	Inputs   jsontext.Value        `json:"inputs"`
}

// evaluate answers inputs with params that are nowhere stored. Components that
// the request does not name are those in use; others come from the registry.
func (h *Handler) evaluate(c *Call) error {
	if err := h.mayEvaluate(c.r); err != nil {
		return err
	}
	body, err := c.Body()
	if err != nil {
		return err
	}
	e, err := schema.Decode[evaluation](body)
	if err != nil {
		return err
	}
	s, err := h.acquire(c)
	if err != nil {
		return err
	}
	if n, err := countItems(e.Inputs); err != nil || n > maxInputs {
		return fault.Field("inputs", "not an array of at most %d inputs", maxInputs)
	}
	select {
	case h.building <- struct{}{}:
		defer func() { <-h.building }()
	default:
		return &fault.Error{Kind: fault.Busy, Message: "too many evaluations at once", RetryAfter: time.Second}
	}
	ctx, cancel := c.Context()
	defer cancel()
	set, err := h.evaluated(ctx, &e, &s.Set)
	if err != nil {
		return err
	}
	instance, closeInstance, err := h.cfg.Evaluate(ctx, set)
	if err != nil {
		return err
	}
	if closeInstance != nil {
		defer closeInstance()
	}
	inputs := append(append([]byte(`{"inputs":`), e.Inputs...), '}')
	if c.out, err = instance.runner.Answer(ctx, predict.Native, c.out[:0], inputs); err != nil {
		return err
	}
	if err := c.late(); err != nil {
		return err
	}
	c.from = instance
	c.Reply(http.StatusOK, c.out)
	return nil
}

// origins tells a request of another site's page from others.
var origins = http.NewCrossOriginProtection()

// mayEvaluate refuses who has no token, and on a listener that asks for none a page of
// another site, even one whose name was made to point here; see [Loopback].
func (h *Handler) mayEvaluate(r *http.Request) error {
	if !h.cfg.Trusted {
		_, err := h.cfg.Tokens.Require(r)
		return err
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	if ip, err := netip.ParseAddr(host); !strings.EqualFold(host, "localhost") && (err != nil || !ip.Unmap().IsLoopback()) {
		return fault.New(fault.Forbidden, "%q is not a name of this machine alone", host)
	}
	if origins.Check(r) != nil {
		return fault.New(fault.Forbidden, "not from another origin")
	}
	return nil
}

// evaluated returns the set that an evaluation asks for, given the one in use.
func (h *Handler) evaluated(ctx context.Context, e *evaluation, current *params.Set) (params.Set, error) {
	requires := e.Requires
	if requires == nil {
		requires = current.Requires
	}
	d, err := params.New(current.Model, requires, e.Params)
	if err != nil {
		return params.Set{}, err
	}
	other := ""
	for _, name := range d.RequiredNames() {
		if current.Components[name].Pin() != d.Requires[name] {
			other = name
		}
	}
	if other == "" {
		return params.Set{Document: d, Components: current.Components}, nil
	}
	missing := fault.Field(fault.Join("requires", other), "that version is not here")
	if h.cfg.Complete == nil {
		return params.Set{}, missing
	}
	set, err := h.cfg.Complete(ctx, d)
	switch {
	case errors.Is(err, params.ErrNoVersion):
		return params.Set{}, missing
	case err != nil:
		return params.Set{}, fault.Away(time.Second, err, "the params registry cannot be reached")
	}
	return set, nil
}

// countItems returns the number of items of a JSON array.
func countItems(v jsontext.Value) (int, error) {
	list, err := schema.Decode[[]jsontext.Value](v)
	return len(list), err
}
