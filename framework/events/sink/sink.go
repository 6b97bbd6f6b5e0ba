// Package sink sends events. It is the only importer of the CloudEvents SDK, of
// which it uses the writing of single requests, not its client.
//
// A [Sink] is safe for concurrent use.
package sink

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/events"
)

// Sink is where events are sent to, and what they have in common.
type Sink struct {
	URL        string            // such as a broker's
	Source     string            // of every event
	Extensions map[string]string // added to every event; may be nil
	Client     *http.Client      // required
}

// sequenceFormat pads a version so that versions are ordered as texts, too.
const sequenceFormat = "%019d"

// Announce sends an event of type [events.ParamsChanged] and returns nil once the
// sink has taken it. It may be sent again: its id is the same every time.
func (s *Sink) Announce(ctx context.Context, c events.Change, at time.Time) error {
	e := cloudevents.New()
	e.SetID(fmt.Sprintf("%s/%d", c.Model, c.Version))
	e.SetType(events.ParamsChanged)
	e.SetSource(s.Source)
	e.SetSubject(c.Model)
	e.SetTime(at)
	for name, value := range s.Extensions {
		e.SetExtension(name, value)
	}
	e.SetExtension("sequence", fmt.Sprintf(sequenceFormat, c.Version))
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	if err := e.SetData(cloudevents.ApplicationJSON, data); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	req, err := cehttp.NewHTTPRequestFromEvent(ctx, s.URL, e)
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return fmt.Errorf("sending an event: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, events.MaxSize)) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("sending an event: the sink answers %s", resp.Status)
	}
	return nil
}
