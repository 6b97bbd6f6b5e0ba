package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/telemetry"
)

// TestRequestLine holds that the line of a request is the one that slog writes of the
// same attributes.
func TestRequestLine(t *testing.T) {
	for name, test := range map[string]struct {
		level   slog.Level
		request telemetry.Request
		attrs   []slog.Attr
	}{
		"answered": {
			slog.LevelInfo,
			telemetry.Request{At: time.Now(), Route: "predict", Status: 200, Took: 186 * time.Microsecond, Trace: "0af7651916cd43dd8448eb211c80319c", Params: 7},
			[]slog.Attr{slog.String("route", "predict"), slog.Int("status", 200), slog.Float64("ms", .186),
				slog.String("trace", "0af7651916cd43dd8448eb211c80319c"), slog.Int("params", 7)},
		},
		"an error that quotes what it was sent": {
			slog.LevelError,
			telemetry.Request{At: time.Now(), Route: "predict", Status: 500, Took: 2 * time.Second, Params: -1, ID: "c743", Error: "panic: \"\x00\x1b\n\u2028<é>\xff\""},
			[]slog.Attr{slog.String("route", "predict"), slog.Int("status", 500), slog.Float64("ms", 2000),
				slog.String("trace", ""), slog.String("id", "c743"), slog.String("error", "panic: \"\x00\x1b\n\u2028<é>\xff\"")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := telemetry.NewLog(&out, slog.LevelInfo, slog.String("model", "model-a"), slog.String("revision", "r\"1"))
			log.Request(test.level, &test.request)
			log.LogAttrs(context.Background(), test.level, "request", test.attrs...)
			require.NoError(t, log.Close())
			lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
			require.Len(t, lines, 2)
			assert.Equal(t, fields(t, lines[1]), fields(t, lines[0]))
		})
	}
}

// fields returns a line without its time.
func fields(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var f map[string]any
	require.NoError(t, json.Unmarshal(line, &f), "%s", line)
	at, err := time.Parse(time.RFC3339Nano, f["time"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), at, time.Minute)
	delete(f, "time")
	return f
}

// TestRequestNumbers holds that times and durations are written as slog writes them.
func TestRequestNumbers(t *testing.T) {
	second := time.Date(2026, 2, 28, 23, 59, 59, 0, time.FixedZone("", -3600))
	for at, took := range map[time.Duration]time.Duration{
		0:                             0,
		time.Nanosecond:               time.Microsecond,
		999_999_999 * time.Nanosecond: 999_999 * time.Nanosecond,
		120 * time.Millisecond:        100 * time.Microsecond,
		time.Second:                   time.Millisecond,
		12_000_345 * time.Microsecond: 61_020_300 * time.Microsecond,
		time.Second + time.Nanosecond: 1500 * time.Microsecond,
	} {
		var out bytes.Buffer
		log := telemetry.NewLog(&out, slog.LevelInfo)
		r := slog.NewRecord(second.Add(at), slog.LevelInfo, "request", 0)
		r.Add("route", "", "status", 0, "ms", float64(took.Microseconds())/1000, "trace", "", "params", 0)
		log.Request(slog.LevelInfo, &telemetry.Request{At: r.Time, Took: took})
		require.NoError(t, log.Handler().Handle(context.Background(), r))
		require.NoError(t, log.Close())
		lines := strings.SplitAfter(out.String(), "\n")
		assert.Equal(t, lines[1], lines[0])
	}
}

func TestRequestKeepsToTheLevel(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLog(&out, slog.LevelInfo)
	log.Request(slog.LevelDebug, &telemetry.Request{Route: "ready"})
	require.NoError(t, log.Close())
	assert.Empty(t, out.String())
	log.Request(slog.LevelError, &telemetry.Request{Route: "predict", Status: 500})
	assert.NotEmpty(t, out.String(), "a grave line does not wait")
}

func BenchmarkRequest(b *testing.B) {
	log := telemetry.NewLog(discard{}, slog.LevelInfo, slog.String("model", "model-a"))
	r := telemetry.Request{At: time.Now(), Route: "predict", Status: 200, Took: 186 * time.Microsecond, Trace: "0af7651916cd43dd8448eb211c80319c", Params: 7}
	b.ReportAllocs()
	for b.Loop() {
		r.At = time.Now()
		log.Request(slog.LevelInfo, &r)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
