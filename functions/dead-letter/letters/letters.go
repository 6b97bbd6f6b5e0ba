// Package letters is the end of events that a Broker could not deliver: it writes
// each into the log, with what Knative says of the failure, and counts it. Nothing is
// lost with them: an event is a hint, and a replica looks at the registry by itself.
// Who runs a cluster wants to know all the same.
package letters

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/modelfn/modelfn/framework/env"
	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/metric"
	"github.com/modelfn/modelfn/framework/program"
	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// name is what the function is called in its logs and metrics.
const name = "dead-letter"

// Main is the main function of the program; see package program.
func Main() {
	program.Main(program.Program{Name: name, Serve: func(ctx context.Context) error { return run(ctx, os.Getenv, os.Stderr, nil) }})
}

// run serves until ctx ends. It tells listening, unless that is nil, where.
func run(ctx context.Context, getenv func(string) string, stderr io.Writer, listening func(address string)) (err error) {
	e := &env.Reader{Get: getenv}
	s := serve.SettingsFrom(e)
	if err := e.Err(); err != nil {
		return err
	}
	log := telemetry.NewLog(stderr, s.LogLevel, slog.String("model", name), slog.String("revision", s.Revision))
	defer func() { err = errors.Join(err, log.Close()) }()
	server, err := serve.Listen(s.Config(log.Logger))
	if err != nil {
		return err
	}
	if listening != nil {
		listening(server.Addr().String())
	}
	metrics := telemetry.NewMetrics(name)
	return server.Serve(ctx, newHandler(&s, log, metrics), metrics.Registry())
}

// handler takes events at every path, but where its health is asked for.
type handler struct {
	*serve.Router
	log     *telemetry.Log
	letters *metric.Counter
}

func newHandler(s *serve.Settings, log *telemetry.Log, metrics *telemetry.Metrics) *handler {
	h := &handler{log: log, letters: metrics.Registry().Counter("modelfn_dead_letters_total", "Events that could not be delivered.")}
	take := &serve.Route{Name: "event", Methods: serve.Writes, Handle: h.take}
	health := &serve.Route{Name: "health", Methods: serve.Reads, Quiet: true, Handle: func(c *serve.Call) error {
		c.Reply(http.StatusOK, []byte(`{"ready":true}`))
		return nil
	}}
	h.Router = serve.NewRouter(serve.RouterConfig{
		Find: func(r *http.Request) *serve.Route {
			switch r.URL.Path {
			case "/health/ready", "/health/live":
				return health
			}
			return take
		},
		RequestTimeout: s.RequestTimeout, Log: log, Metrics: metrics,
	})
	return h
}

// take writes an event down. What is malformed is refused for good: a Broker that
// tried again would fail again.
func (h *handler) take(c *serve.Call) error {
	event, err := events.Read(c.Request())
	if err != nil {
		return err
	}
	h.letters.Inc()
	header := c.Request().Header
	h.log.Error("an event could not be delivered",
		"type", event.Type, "source", event.Source, "subject", event.Subject, "id", event.ID,
		// The extensions that Knative adds: whom it tried, and the last answer.
		"destination", header.Get("Ce-Knativeerrordest"), "status", header.Get("Ce-Knativeerrorcode"))
	c.Empty(http.StatusAccepted) // a body would be taken for a reply
	return nil
}
