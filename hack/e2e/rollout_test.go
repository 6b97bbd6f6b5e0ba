//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A new revision takes over under load, and no request fails.
func TestRolloutUnderLoad(t *testing.T) {
	old := deploy(t, "model-c", "scale: {min: 1, windowSeconds: 6}")
	l := startLoad(t, host("model-c"), 4)
	eventually(t, "answers of the old revision", func() bool { return l.latest().revision == old })
	next := apply(t, "model-c", "scale: {min: 1}", "env: {LOG_LEVEL: warn}")
	require.NotEqual(t, old, next)
	eventually(t, "answers of the new revision", func() bool { return l.latest().revision == next })
	eventually(t, "the end of the old revision", func() bool { return len(pods(t, "revision", old)) == 0 })
	l.stop(t)
	l.allOK(t)
}

// A pod that is killed takes with it what it was just answering, and nothing else. Where
// a program is killed in its pod, Knative sends requests there until it runs again: to one
// that ends, to none, and to one that has no params yet. These fail, and nothing else; and
// none does that came through the gateway.
func TestReplicaKilledUnderLoad(t *testing.T) {
	const atOnce = 2 // what one replica is given at a time
	revision := deploy(t, "model-c", "scale: {min: 3}", fmt.Sprintf("concurrency: %d", atOnce))
	kill := func(t *testing.T, host string, how func(pod string)) (failed []failure, killed, again time.Time) {
		t.Helper()
		l := startLoad(t, host, 8)
		eventually(t, "answers", func() bool { return l.latest().revision == revision })
		eventually(t, "three replicas", func() bool { return len(runs(t, "model-c")) == 3 })
		before := runs(t, "model-c")
		killed = time.Now()
		how(slices.Sorted(maps.Keys(before))[0])
		eventually(t, "three replicas again, one of them new", func() bool {
			after := runs(t, "model-c")
			return len(after) == 3 && !maps.Equal(before, after)
		})
		again = time.Now()
		l.goOn(t, 200)
		l.stop(t)
		t.Logf("%d of %d requests failed: %v", len(l.failed), len(l.failed)+len(l.answers), l.failed)
		return l.failed, killed, again
	}
	t.Run("pod", func(t *testing.T) {
		failed, _, _ := kill(t, host("model-c"), func(pod string) { kubectl(t, "delete", "pod", pod, "--grace-period", "0", "--force") })
		require.LessOrEqual(t, len(failed), atOnce)
	})
	t.Run("process", func(t *testing.T) {
		failed, killed, again := kill(t, host("model-c"), func(pod string) { signal(t, pod, "SIGKILL") })
		inFlight := 0
		for _, f := range failed {
			require.Regexp(t, "^502 |^503 .*no params are loaded yet", f.what)
			require.True(t, f.sent.Before(again), f.what)
			if f.sent.Before(killed) {
				inFlight++
				require.NotContains(t, f.what, "connection refused")
			}
		}
		require.LessOrEqual(t, inFlight, atOnce)
	})
	t.Run("process behind the gateway", func(t *testing.T) {
		failed, _, _ := kill(t, host("console")+"/model-c", func(pod string) { signal(t, pod, "SIGKILL") })
		require.Empty(t, failed)
	})
}

// runs returns the pods of a function that are ready, each with the container that its
// program runs in.
func runs(t *testing.T, function string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pod := range pods(t, "service", function) {
		s := field(t, "pod/"+pod, `{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[?(@.name=="user-container")].containerID}`)
		if ready, id, _ := strings.Cut(s, " "); ready == "True" {
			all[pod] = strings.TrimPrefix(id, "containerd://")
		}
	}
	return all
}

// signal sends a signal to the program in a pod.
func signal(t *testing.T, pod, name string) {
	t.Helper()
	id := field(t, "pod/"+pod, `{.status.containerStatuses[?(@.name=="user-container")].containerID}`)
	run(t, "", "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", name, strings.TrimPrefix(id, "containerd://"))
}
