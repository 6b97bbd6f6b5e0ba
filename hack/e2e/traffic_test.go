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

// What other hands did to the traffic, by reading, changing and writing a Service as kn
// does, is still there after a deploy: the new revision begins without traffic.
func TestTrafficSurvivesADeploy(t *testing.T) {
	stable := deploy(t, "model-c", "env: {LOG_LEVEL: warn}")
	other := canary(t, "model-c", "env: {LOG_LEVEL: error}")
	service := run(t, "", "kubectl", "--namespace", namespace, "get", "ksvc/model-c", "--output", "json")
	changed := strings.Replace(service, `"percent": 90`, `"percent": 70`, 1)
	changed = strings.Replace(changed, `"percent": 10`, `"percent": 30`, 1)
	changed = strings.Replace(changed, `"tag": "candidate"`, `"tag": "blue"`, 1)
	require.NotEqual(t, service, changed)
	run(t, changed, "kubectl", "replace", "--filename", "-")
	t.Cleanup(func() { run(t, "", "bin/modelfn", "traffic", "model-c", "--untag", "blue") })
	settled(t, "model-c")

	next := deployed(t, "functions/model-c")
	require.NotContains(t, []string{stable, other}, next)
	require.Equal(t, stable+" 70 \n"+other+" 30 \n"+other+" 0 blue\n"+next+" 0 candidate", field(t, "ksvc/model-c",
		`{range .spec.traffic[*]}{.revisionName} {.percent} {.tag}{"\n"}{end}`))
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
