package telemetry

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelfn/modelfn/framework/metric"
)

// Metrics are the figures of one function. Each carries the label model.
type Metrics struct {
	registry *metric.Registry
	ready    *metric.Gauge
	begun    atomic.Uint64 // requests
	routes   sync.Map      // route and status → *series
}

type routeKey struct {
	route  string
	status int
}

// series are the two figures of one route and status, found once.
type series struct {
	count    *metric.Counter
	duration *metric.Durations
}

// durations are the buckets of the time that a request takes.
var durations = []time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// NewMetrics returns the metrics of a model, with those of the Go runtime and the
// process.
func NewMetrics(model string) *Metrics {
	r := metric.New("model", model)
	r.Process()
	m := &Metrics{
		registry: r,
		ready:    r.Gauge("modelfn_ready_seconds", "From the program's start until the function was ready."),
	}
	r.Func("gauge", "modelfn_requests_in_flight", "Requests that are being answered.", m.inFlight)
	m.reloads("applied", "") // at 0, so that the first one is a rise
	m.reloads("rejected", "params")
	m.reloads("stale", "source")
	return m
}

// Registry holds the figures, shows them, and is where a function adds its own.
func (m *Metrics) Registry() *metric.Registry { return m.registry }

// Begin counts a request in, End counts it out. Routes come from a fixed list,
// never from the request.
func (m *Metrics) Begin() { m.begun.Add(1) }

// End counts a request out with its status and duration.
func (m *Metrics) End(route string, status int, took time.Duration) {
	key := routeKey{route, status}
	found, ok := m.routes.Load(key)
	if !ok {
		found, _ = m.routes.LoadOrStore(key, &series{
			m.registry.Counter("modelfn_requests_total", "Requests answered, by route and HTTP status.",
				"route", route, "code", strconv.Itoa(status)),
			m.registry.Durations("modelfn_request_duration_seconds", "From the request's header to the end of its answer, by route.",
				durations, "route", route),
		})
	}
	s := found.(*series)
	s.duration.Observe(took)
	s.count.Inc() // who sees it counted finds its duration, too
}

// inFlight is how many requests began and were not counted out. A processor that has to
// fetch a counter from another one waits for it, so that there is none for this alone.
func (m *Metrics) inFlight() float64 {
	ended := uint64(0)
	m.routes.Range(func(_, s any) bool {
		ended += s.(*series).count.Value()
		return true
	})
	return max(0, float64(m.begun.Load())-float64(ended))
}

func (m *Metrics) reloads(result, reason string) *metric.Counter {
	return m.registry.Counter("modelfn_params_reloads_total",
		"Attempts to apply other params, by result: applied, rejected, or stale if the source was away; and by what was wrong.",
		"result", result, "reason", reason)
}

// Reloaded counts an attempt to apply other params. The reason, of one that failed,
// comes from a fixed list.
func (m *Metrics) Reloaded(result, reason string) { m.reloads(result, reason).Inc() }

// Params is how a function stands to the params that it should have.
type Params struct {
	Version int64         // of the params that serve; 0 if they never were in a registry
	Wanted  int64         // the version that should serve
	Lag     time.Duration // for how long others than those have served; 0 while they do
}

// Params shows how the function stands, which it asks for whenever it is looked at.
func (m *Metrics) Params(stand func() Params) {
	for _, g := range []struct {
		name, help string
		value      func(Params) float64
	}{
		{"modelfn_params_version", "The version of the params that serve; 0 if they never were in a registry.", func(p Params) float64 { return float64(p.Version) }},
		{"modelfn_params_wanted_version", "The version of the params that should serve.", func(p Params) float64 { return float64(p.Wanted) }},
		{"modelfn_params_lag_seconds", "How long other params than those that should have served; 0 while the right ones do.", func(p Params) float64 { return p.Lag.Seconds() }},
	} {
		m.registry.Func("gauge", g.name, g.help, func() float64 { return g.value(stand()) })
	}
}

// Breaker notes the state of a component's circuit breaker.
func (m *Metrics) Breaker(component string, state int) {
	m.registry.Gauge("modelfn_breaker_state", "The circuit breaker of a remote component: 0 closed, 1 half-open, 2 open.",
		"component", component).Set(float64(state))
}

// Ready notes how long the function took to become ready.
func (m *Metrics) Ready(took time.Duration) { m.ready.Set(took.Seconds()) }
