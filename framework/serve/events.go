package serve

import (
	"net/http"
	"time"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

// events takes a hint that there may be new params. It is answered when the hint
// has been followed, or tells of the params that serve, which the watch often brings
// first: 202 with an empty body, as a broker takes any other body for a failure, or
// 503 to have the hint delivered again.
func (h *Handler) events(c *Call) error {
	e, err := events.Read(c.r)
	if err != nil {
		return err
	}
	if e.Type != events.ParamsChanged || e.Subject != h.cfg.Model || h.cfg.Pinned {
		c.Empty(http.StatusAccepted)
		return nil
	}
	if now := h.cfg.Keeper.Status(); e.Sequence > 0 && now.State == params.Serving && now.Behind.IsZero() && now.Wanted == e.Sequence {
		c.Empty(http.StatusAccepted)
		return nil
	}
	ctx, cancel := c.Context()
	defer cancel()
	err = h.cfg.Keeper.Hint(ctx)
	s, status := h.cfg.Keeper.Stand()
	if s != nil {
		c.answerFrom(s)
	}
	if err != nil && status.State != params.Rejected { // after a rejection another hint will not help
		return fault.Away(time.Second, err, "the registry could not be asked")
	}
	if status.Wanted < e.Sequence {
		return fault.Away(time.Second, err, "the registry does not have version %d yet", e.Sequence)
	}
	c.Empty(http.StatusAccepted)
	return nil
}
