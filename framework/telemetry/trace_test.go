package telemetry_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/telemetry"
)

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	parentID = "b7ad6b7169203331"
	parent   = "00-" + traceID + "-" + parentID + "-01"
)

func ExampleTraceOf() {
	in := http.Header{"Traceparent": {parent}, "Tracestate": {"vendor=1"}}
	trace := telemetry.TraceOf(in)
	fmt.Println(trace.ID())

	out := http.Header{} // of a request to a component
	ctx := telemetry.WithTrace(context.Background(), trace)
	telemetry.TraceFrom(ctx).Set(out)
	fmt.Println(out)
	// Output:
	// 0af7651916cd43dd8448eb211c80319c
	// map[Traceparent:[00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01] Tracestate:[vendor=1]]
}

// TestTraceparent has the rules of https://www.w3.org/TR/trace-context/#traceparent-header.
func TestTraceparent(t *testing.T) {
	tests := []struct {
		name, header string
		valid        bool
	}{
		{"sampled", parent, true},
		{"not sampled", "00-" + traceID + "-" + parentID + "-00", true},
		{"other flags", "00-" + traceID + "-" + parentID + "-ff", true},
		{"a future version", "cc-" + traceID + "-" + parentID + "-01", true},
		{"a future version with more", "cc-" + traceID + "-" + parentID + "-01-what-the-future-will-be-like", true},
		{"a future version that ends in a dash", "cc-" + traceID + "-" + parentID + "-01-", true},
		{"a future version with a longer field", "cc-" + traceID + "-" + parentID + "-01.more", false},
		{"version 00 with more", parent + "-more", false},
		{"version 00 that ends in a dash", parent + "-", false},
		{"version ff", "ff-" + traceID + "-" + parentID + "-01", false},
		{"a version that is no number", "0x-" + traceID + "-" + parentID + "-01", false},
		{"an all-zero trace id", "00-" + strings.Repeat("0", 32) + "-" + parentID + "-01", false},
		{"an all-zero parent id", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", false},
		{"an upper-case trace id", "00-" + strings.ToUpper(traceID) + "-" + parentID + "-01", false},
		{"an upper-case parent id", "00-" + traceID + "-" + strings.ToUpper(parentID) + "-01", false},
		{"upper-case flags", "00-" + traceID + "-" + parentID + "-0A", false},
		{"a trace id that is no number", "00-" + traceID[:31] + "g-" + parentID + "-01", false},
		{"a short trace id", "00-" + traceID[:31] + "-" + parentID + "-01", false},
		{"underscores", strings.ReplaceAll(parent, "-", "_"), false},
		{"no flags", "00-" + traceID + "-" + parentID, false},
		{"short flags", "00-" + traceID + "-" + parentID + "-1", false},
		{"white space", " " + parent, false},
		{"empty", "", false},
		{"dashes", strings.Repeat("-", 55), false},
		{"bytes that are no text", strings.Repeat("\xff", 55), false},
		{"a megabyte", "cc" + strings.Repeat("0", 1<<20), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := telemetry.TraceOf(http.Header{"Traceparent": {tt.header}, "Tracestate": {"a=1"}})
			if tt.valid {
				assert.Equal(t, telemetry.Trace{Parent: tt.header, State: "a=1"}, got, "it is passed on as it came")
				assert.Equal(t, traceID, got.ID())
				return
			}
			assertNew(t, got)
			assert.NotContains(t, got.Parent, traceID)
		})
	}
	t.Run("absent", func(t *testing.T) { assertNew(t, telemetry.TraceOf(http.Header{})) })
	t.Run("there twice", func(t *testing.T) {
		assertNew(t, telemetry.TraceOf(http.Header{"Traceparent": {parent, parent}}))
	})
}

var newParent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-00$`)

// assertNew holds that a trace is a new one, which has nothing of the headers.
func assertNew(t *testing.T, trace telemetry.Trace) {
	t.Helper()
	parts := newParent.FindStringSubmatch(trace.Parent)
	require.NotNil(t, parts, trace.Parent)
	assert.NotEqual(t, strings.Repeat("0", 32), parts[1])
	assert.NotEqual(t, strings.Repeat("0", 16), parts[2])
	assert.Equal(t, parts[1], trace.ID())
	assert.Empty(t, trace.State, "the state of a trace that does not hold is not passed on")
}

func TestTracestateOfSeveralHeadersIsOne(t *testing.T) {
	got := telemetry.TraceOf(http.Header{"Traceparent": {parent}, "Tracestate": {"a=1,b=2", "c=3"}})
	assert.Equal(t, "a=1,b=2,c=3", got.State)
}

func TestTraceSet(t *testing.T) {
	t.Run("takes the place of what is there", func(t *testing.T) {
		h := http.Header{"Traceparent": {"x", "y"}, "Tracestate": {"z=1"}}
		telemetry.Trace{Parent: parent}.Set(h)
		assert.Equal(t, http.Header{"Traceparent": {parent}}, h)
	})
	t.Run("of no trace writes nothing", func(t *testing.T) {
		h := http.Header{}
		telemetry.TraceFrom(context.Background()).Set(h)
		assert.Empty(t, h)
		assert.Empty(t, telemetry.Trace{}.ID())
	})
}

func TestIDsAreUnique(t *testing.T) {
	const n = 20_000
	traces, parents, ids := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for range n {
		trace := telemetry.TraceOf(nil)
		traces[trace.ID()] = true
		parents[trace.Parent[36:52]] = true
		id := telemetry.NewID()
		require.Regexp(t, `^[0-9a-f]{16}$`, id)
		ids[id] = true
	}
	assert.Len(t, traces, n)
	assert.Len(t, parents, n)
	assert.Len(t, ids, n)
}

// FuzzTraceOf holds that whatever comes in, what is passed on is valid.
func FuzzTraceOf(f *testing.F) {
	f.Add(parent)
	f.Add("cc-" + traceID + "-" + parentID + "-01-more")
	f.Add("")
	shape := regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}($|-)`)
	f.Fuzz(func(t *testing.T, header string) {
		trace := telemetry.TraceOf(http.Header{"Traceparent": {header}})
		require.Regexp(t, shape, trace.Parent)
		require.Regexp(t, `^[0-9a-f]{32}$`, trace.ID())
		require.NotEqual(t, strings.Repeat("0", 32), trace.ID())
	})
}
