package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/telemetry"
)

// used returns metrics that have something to tell in each of their figures.
func used() *telemetry.Metrics {
	m := telemetry.NewMetrics("model-a")
	m.Begin()
	m.Begin()
	m.Begin()
	m.End("predict", http.StatusOK, 2*time.Millisecond)
	m.End("predict", http.StatusBadRequest, 20*time.Microsecond)
	m.Reloaded("applied", "")
	m.Reloaded("applied", "")
	m.Reloaded("rejected", "requires")
	m.Params(func() telemetry.Params {
		return telemetry.Params{Version: 7, Wanted: 9, Lag: 1500 * time.Millisecond}
	})
	m.Breaker("component-d", 2)
	m.Ready(35 * time.Millisecond)
	return m
}

// shown returns the figures that Prometheus' own parser reads from what is shown.
func shown(t *testing.T, m *telemetry.Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	m.Registry().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", w.Header().Get("Content-Type"))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	require.NoError(t, err)
	return families
}

func TestMetrics(t *testing.T) {
	var out strings.Builder
	_, err := used().Registry().WriteTo(&out)
	require.NoError(t, err)
	for _, want := range []string{`
# HELP modelfn_breaker_state The circuit breaker of a remote component: 0 closed, 1 half-open, 2 open.
# TYPE modelfn_breaker_state gauge
modelfn_breaker_state{component="component-d",model="model-a"} 2
`, `
# TYPE modelfn_params_reloads_total counter
modelfn_params_reloads_total{model="model-a",reason="",result="applied"} 2
modelfn_params_reloads_total{model="model-a",reason="params",result="rejected"} 0
modelfn_params_reloads_total{model="model-a",reason="requires",result="rejected"} 1
modelfn_params_reloads_total{model="model-a",reason="source",result="stale"} 0
`, `
modelfn_params_version{model="model-a"} 7
`, `
modelfn_params_wanted_version{model="model-a"} 9
`, `
modelfn_params_lag_seconds{model="model-a"} 1.5
`, `
modelfn_ready_seconds{model="model-a"} 0.035
`, `
modelfn_requests_in_flight{model="model-a"} 1
`, `
# TYPE modelfn_requests_total counter
modelfn_requests_total{code="200",model="model-a",route="predict"} 1
modelfn_requests_total{code="400",model="model-a",route="predict"} 1
`} {
		assert.Contains(t, out.String(), want)
	}
}

func TestDurations(t *testing.T) {
	family := shown(t, used())["modelfn_request_duration_seconds"]
	require.NotNil(t, family)
	require.Len(t, family.GetMetric(), 1, "one histogram a route: its codes are in the counter")
	h := family.GetMetric()[0].GetHistogram()
	assert.Equal(t, uint64(2), h.GetSampleCount())
	assert.InDelta(t, 0.00202, h.GetSampleSum(), 1e-9)
	assert.Equal(t, uint64(1), h.GetBucket()[0].GetCumulativeCount(), "a prediction of 20 µs is in the first bucket")
}

// TestNames asks Prometheus' own linter about all the figures, the runtime's too.
func TestNames(t *testing.T) {
	var out strings.Builder
	_, err := used().Registry().WriteTo(&out)
	require.NoError(t, err)
	problems, err := promlint.New(strings.NewReader(out.String())).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// TestLabelsAreBounded holds that as many series as routes and statuses are made,
// however many requests there are, and that the same one is counted by all.
func TestLabelsAreBounded(t *testing.T) {
	m := telemetry.NewMetrics("model-a")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				m.Begin()
				m.End([]string{"predict", "params"}[i%2], []int{200, 400, 503}[i%3], time.Duration(i)*time.Microsecond)
			}
		})
	}
	all.Wait()
	families := shown(t, m)
	for name, want := range map[string]int{"modelfn_requests_total": 6, "modelfn_request_duration_seconds": 2, "modelfn_requests_in_flight": 1} {
		assert.Len(t, families[name].GetMetric(), want, name)
	}
	total := 0.
	for _, one := range families["modelfn_requests_total"].GetMetric() {
		total += one.GetCounter().GetValue()
	}
	assert.InDelta(t, 8000, total, 0)
	assert.Zero(t, families["modelfn_requests_in_flight"].GetMetric()[0].GetGauge().GetValue())
}

func TestHandler(t *testing.T) {
	m := used()
	m.Registry().Counter("trees_visited_total", "Trees visited.").Inc()
	families := shown(t, m)
	for _, name := range []string{"modelfn_requests_total", "go_goroutines", "process_resident_memory_bytes", "trees_visited_total"} {
		assert.Contains(t, families, name)
	}
}

// TestTwoModelsInOneProcess holds that metrics are values, not globals.
func TestTwoModelsInOneProcess(t *testing.T) {
	a, b := telemetry.NewMetrics("model-a"), telemetry.NewMetrics("model-b")
	a.Ready(time.Second)
	b.Ready(2 * time.Second)
	assert.Len(t, shown(t, a)["modelfn_ready_seconds"].GetMetric(), 1)
}

func BenchmarkEnd(b *testing.B) {
	m := telemetry.NewMetrics("model-a")
	b.ReportAllocs()
	for b.Loop() {
		m.Begin()
		m.End("predict", http.StatusOK, time.Millisecond)
	}
}
