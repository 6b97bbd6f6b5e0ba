//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of 1,000 requests, a candidate with 10 % gets what a fair coin of that weight gives,
// and its tag leads to it alone.
func TestSplit(t *testing.T) {
	stable := deploy(t, "model-c", "env: {LOG_LEVEL: warn}")
	candidate := canary(t, "model-c", "env: {LOG_LEVEL: error}")
	require.NotEqual(t, stable, candidate)

	count := map[string]int{}
	for range 1000 {
		count[asked(t, host("model-c"), patient).revision]++
	}
	// 100 of 1,000 are expected. Less than 60 or more than 140 has a chance of 1 in 40,000.
	require.Equal(t, 1000, count[stable]+count[candidate], count)
	require.InDelta(t, 100, count[candidate], 40, count)
	for range 50 {
		require.Equal(t, candidate, asked(t, host("candidate-model-c"), patient).revision)
	}
}

// A revision that cannot run takes nothing from the one that does.
func TestBadImageLeavesWhatRuns(t *testing.T) {
	good := deploy(t, "model-c", "scale: {min: 1}")
	run(t, "", "kubectl", "--namespace", namespace, "patch", "ksvc/model-c", "--type", "json", "--patch",
		`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"registry.local:5000/modelfn/no-such-image"}]`)
	eventually(t, "the cause in the Service's condition", func() bool {
		return strings.Contains(field(t, "ksvc/model-c", `{.status.conditions[?(@.type=="ConfigurationsReady")].message}`), "no-such-image")
	})
	for range 20 {
		require.Equal(t, good, asked(t, host("model-c"), patient).revision)
	}
}

// settled waits until a Service is as it was last changed.
func settled(t *testing.T, function string) {
	t.Helper()
	generation := field(t, "ksvc/"+function, "{.metadata.generation}")
	kubectl(t, "wait", "ksvc/"+function, "--for", "jsonpath={.status.observedGeneration}="+generation, "--timeout", "120s")
	kubectl(t, "wait", "ksvc/"+function, "--for", "condition=Ready", "--timeout", "120s")
}
