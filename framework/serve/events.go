package serve

import (
	"net/http"
	"time"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

// events takes a hint that there may be new params. It is answered when the hint
// has been followed: 202 with an empty body, as a broker takes any other body for
// a failure, or 503 to have the hint delivered again.
func (h *Handler) events(c *Call) error {
	e, err := events.Read(c.r)
	if err != nil {
		return err
	}
	if e.Type != events.ParamsChanged || e.Subject != h.cfg.Model || h.cfg.Pinned {
		c.Empty(http.StatusAccepted)
		return nil
	}
	ctx, cancel := c.Context()
	defer cancel()
	err = h.cfg.Keeper.Hint(ctx)
	status := h.cfg.Keeper.Status()
	if status.State == params.Rejected {
		c.Empty(http.StatusAccepted) // the hint was followed; another one will not help
		return nil
	}
	if err != nil {
		return fault.Away(time.Second, err, "the registry could not be asked")
	}
	if s := h.cfg.Keeper.Acquire(); s != nil {
		c.answerFrom(s)
		if s.Set.Version < e.Sequence {
			return fault.Away(time.Second, nil, "the registry does not have version %d yet", e.Sequence)
		}
	}
	c.Empty(http.StatusAccepted)
	return nil
}
