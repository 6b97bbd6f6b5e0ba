//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of 1,000 requests, a candidate with 10 % gets what a fair coin of that weight gives,
// and its tag leads to it alone.
func TestSplit(t *testing.T) {
	stable := deploy(t, "model-c", "env: {LOG_LEVEL: warn}")
	candidate := apply(t, "model-c", "env: {LOG_LEVEL: error}")
	require.NotEqual(t, stable, candidate)
	split(t, "model-c", stable, candidate)

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

// split gives a candidate a tenth of the traffic and a tag, as
// kn service update --traffic … --tag … does it: read, change, write.
func split(t *testing.T, function, stable, candidate string) {
	t.Helper()
	traffic := fmt.Sprintf(`[{"revisionName":%q,"percent":90},{"revisionName":%q,"percent":10,"tag":"candidate"}]`, stable, candidate)
	kubectl(t, "patch", "ksvc/"+function, "--type", "merge", "--patch", `{"spec":{"traffic":`+traffic+`}}`)
	settled(t, function)
	eventually(t, "the tag of the candidate", func() bool {
		a, err := predict(t.Context(), host("candidate-"+function), patient)
		return err == nil && a.revision == candidate
	})
}

// settled waits until a Service is as it was last changed.
func settled(t *testing.T, function string) {
	t.Helper()
	generation := field(t, "ksvc/"+function, "{.metadata.generation}")
	kubectl(t, "wait", "ksvc/"+function, "--for", "jsonpath={.status.observedGeneration}="+generation, "--timeout", "120s")
	kubectl(t, "wait", "ksvc/"+function, "--for", "condition=Ready", "--timeout", "120s")
}
