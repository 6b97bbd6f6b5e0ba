//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"net"
	"net/http"
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

// A replica that is killed, its pod or its program in it, takes with it what it was just
// answering. Knative goes on sending requests there until it has noticed, or the program
// runs again: to none, and to one that has no params yet. These fail, and nothing else; and
// none does that came through the gateway.
func TestReplicaKilledUnderLoad(t *testing.T) {
	const atOnce = 2 // what one replica is given at a time
	revision := deploy(t, "model-c", "scale: {min: 3}", fmt.Sprintf("concurrency: %d", atOnce))
	hosts := map[string]string{"": host("model-c"), " behind the gateway": host("console") + "/model-c"}
	kills := map[string]func(pod string){
		"pod":     func(pod string) { kubectl(t, "delete", "pod", pod, "--grace-period", "0", "--force") },
		"program": func(pod string) { signal(t, pod, "SIGKILL") },
	}
	for behind, host := range hosts {
		for what, kill := range kills {
			t.Run(what+behind, func(t *testing.T) {
				l := startLoad(t, host, 8)
				eventually(t, "answers", func() bool { return l.latest().revision == revision })
				eventually(t, "three replicas", func() bool { return len(runs(t, "model-c")) == 3 })
				before := runs(t, "model-c")
				kill(slices.Sorted(maps.Keys(before))[0])
				eventually(t, "three replicas again, one of them new", func() bool {
					after := runs(t, "model-c")
					return len(after) == 3 && !maps.Equal(before, after)
				})
				again := time.Now()
				l.goOn(t, 200)
				l.stop(t)
				t.Logf("%d of %d requests failed", len(l.failed), len(l.failed)+len(l.answers))
				if behind != "" {
					l.allOK(t)
				}
				inFlight := 0
				for _, f := range l.failed {
					require.True(t, f.sent.Before(again), f)
					none := f.status == http.StatusBadGateway && strings.Contains(f.what, "connection refused")
					fresh := f.status == http.StatusServiceUnavailable && strings.Contains(f.what, "no params are loaded yet")
					if !none && !fresh {
						require.Equal(t, http.StatusBadGateway, f.status, f)
						inFlight++
					}
				}
				require.LessOrEqual(t, inFlight, atOnce, "%v", l.failed)
			})
		}
	}
}

// runs returns the pods of a function that are ready, and whose programs say so too, each
// with the container that its program runs in.
func runs(t *testing.T, function string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pod := range pods(t, "service", function) {
		s := field(t, "pod/"+pod, `{.status.conditions[?(@.type=="Ready")].status} {.status.podIP} {.status.containerStatuses[?(@.name=="user-container")].containerID}`)
		if f := strings.Fields(s); len(f) == 3 && f[0] == "True" && healthy(f[1]) {
			all[pod] = strings.TrimPrefix(f[2], "containerd://")
		}
	}
	return all
}

// healthy asks the program of a pod whether it is ready. Knative asked it last when it
// started, and says so until it asks again, however often the program was started since.
func healthy(ip string) bool {
	resp, err := client.Get("http://" + net.JoinHostPort(ip, "8080") + "/health/ready")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// signal sends a signal to the program in a pod.
func signal(t *testing.T, pod, name string) {
	t.Helper()
	id := field(t, "pod/"+pod, `{.status.containerStatuses[?(@.name=="user-container")].containerID}`)
	run(t, "", "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", name, strings.TrimPrefix(id, "containerd://"))
}
