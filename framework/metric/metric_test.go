package metric_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/metric"
)

func TestText(t *testing.T) {
	r := metric.New("model", "a\"b\\c\nd")
	r.Counter("seen_total", "Seen,\nin \\ all.", "route", "x", "code", "200").Inc()
	r.Counter("seen_total", "Seen,\nin \\ all.", "route", "x", "code", "200").Inc()
	r.Counter("seen_total", "Seen,\nin \\ all.", "route", "x", "code", "404")
	g := r.Gauge("level", "A level.")
	g.Set(2.5)
	g.Add(-1)
	r.Func("gauge", "asked", "Asked.", func() float64 { return 1e21 })
	d := r.Durations("took_seconds", "Time.", []time.Duration{time.Millisecond, time.Second})
	for _, took := range []time.Duration{0, time.Millisecond, 2 * time.Millisecond, time.Hour} {
		d.Observe(took)
	}
	var out strings.Builder
	_, err := r.WriteTo(&out)
	require.NoError(t, err)
	assert.Equal(t, `# HELP asked Asked.
# TYPE asked gauge
asked{model="a\"b\\c\nd"} 1e+21
# HELP level A level.
# TYPE level gauge
level{model="a\"b\\c\nd"} 1.5
# HELP seen_total Seen,\nin \\ all.
# TYPE seen_total counter
seen_total{code="200",model="a\"b\\c\nd",route="x"} 2
seen_total{code="404",model="a\"b\\c\nd",route="x"} 0
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{model="a\"b\\c\nd",le="0.001"} 2
took_seconds_bucket{model="a\"b\\c\nd",le="1"} 3
took_seconds_bucket{model="a\"b\\c\nd",le="+Inf"} 4
took_seconds_sum{model="a\"b\\c\nd"} 3600.003
took_seconds_count{model="a\"b\\c\nd"} 4
`, out.String())
}

func TestOneNameIsOneKind(t *testing.T) {
	r := metric.New()
	r.Counter("x_total", "X.")
	assert.PanicsWithValue(t, "metric: x_total is a counter already", func() { r.Gauge("x_total", "X.") })
}

// TestAtOnce holds that nothing is lost however many count, while others look.
func TestAtOnce(t *testing.T) {
	r := metric.New()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				r.Counter("n_total", "N.").Inc()
				r.Gauge("g", "G.").Add(1)
				r.Durations("d_seconds", "D.", []time.Duration{time.Second}).Observe(time.Millisecond)
			}
			var out strings.Builder
			_, err := r.WriteTo(&out)
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.Equal(t, uint64(8000), r.Counter("n_total", "N.").Value())
	assert.InDelta(t, 8000, r.Gauge("g", "G.").Value(), 0)
	var out strings.Builder
	_, err := r.WriteTo(&out)
	require.NoError(t, err)
	assert.Contains(t, out.String(), "d_seconds_count 8000\n")
	assert.Contains(t, out.String(), "d_seconds_sum 8\n")
}

func TestProcess(t *testing.T) {
	r := metric.New()
	r.Process()
	var out strings.Builder
	_, err := r.WriteTo(&out)
	require.NoError(t, err)
	for _, name := range []string{"process_resident_memory_bytes ", "process_cpu_seconds_total ", "process_open_fds ", "go_goroutines ", `go_info{version="go`} {
		at := strings.Index(out.String(), "\n"+name)
		require.Positive(t, at, name)
		assert.NotEqual(t, "0\n", out.String()[at+1+len(name):][:2], name)
	}
}
