package deploy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/cluster/clustertest"
	"github.com/modelfn/modelfn/knative/deploy"
	"github.com/modelfn/modelfn/knative/traffic"
)

// A failed deploy names the cause, and leaves the traffic.
func TestFailure(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
	require.NoError(t, err)

	k.trouble = []any{
		object{"type": "Ready", "status": "False", "reason": "ContainerMissing"},
		object{"type": "ContainerHealthy", "status": "False", "reason": "ContainerMissing", "message": `Unable to fetch image "registry.local/m:9": 404 Not Found`},
	}
	var w told
	results, err := deploy.All(t.Context(), c, []deploy.Function{functionN(2)}, deploy.Options{Tell: w.tell})
	assert.Empty(t, results)
	require.EqualError(t, err, "m: m-00002 is not ready: the image registry.local/m:9 is not found (404 Not Found); the traffic stays as it was, 100 % m-00001")
	assert.Contains(t, w.text(), "m: m-00002 ContainerHealthy: no (ContainerMissing)")

	// A program that is not ready is asked why.
	k.trouble = []any{object{"type": "Ready", "status": "Unknown"}}
	k.api.Put(object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{"name": "pod", "labels": object{cluster.ServiceLabel: "m", cluster.RevisionLabel: "m-00003"}},
		"status": object{"phase": "Running", "containerStatuses": []any{
			object{"name": "queue-proxy", "ready": false, "state": object{"running": object{}}},
			object{"name": "user-container", "ready": true, "state": object{"running": object{}}},
		}},
	})
	k.api.Answer("pod", 8080, "/health/ready", 503, `{"ready":false,"reason":"no params are loaded yet"}`)
	k.api.Log("pod", `{"level":"ERROR","msg":"params not applied","error":"m has no version 9"}`+"\n"+`{"level":"INFO","msg":"request"}`+"\n")
	_, err = deploy.New(t.Context(), c, functionN(3), deploy.Options{Timeout: 2 * time.Second})
	require.EqualError(t, err, `m: m-00003 is not ready after 2s: the program runs, and is not ready: GET /health/ready answers 503: {"ready":false,"reason":"no params are loaded yet"}; its log says: m has no version 9; the traffic stays as it was, 100 % m-00001`)
}

// A deploy that takes too long says what it waited for, whatever that was.
func TestTimeouts(t *testing.T) {
	made := object{"type": "ConfigurationsReady", "status": "True"}
	status := func(s cluster.Object, conditions ...any) object {
		return object{"observedGeneration": s["metadata"].(object)["generation"], "latestCreatedRevisionName": "m-00001", "conditions": conditions}
	}
	ready := object{
		"apiVersion": "serving.knative.dev/v1", "kind": "Revision",
		"metadata": object{"name": "m-00001", "labels": object{cluster.ServiceLabel: "m"}},
		"status":   object{"observedGeneration": 1, "conditions": []any{object{"type": "Ready", "status": "True"}}},
	}
	tests := map[string]struct {
		react   func(t *testing.T, api *clustertest.API, s cluster.Object)
		refused int // the status for pods
		want    string
	}{
		"the API hangs": {
			react: func(t *testing.T, _ *clustertest.API, _ cluster.Object) { <-t.Context().Done() },
			want:  "m: applying the Service was not done after 3s: the cluster's API does not answer",
		},
		"the API is away": {
			react:   func(*testing.T, *clustertest.API, cluster.Object) {},
			refused: 503,
			want:    "m: m is not ready after 3s: following pods: no pods for you",
		},
		"no revision": {
			react: func(*testing.T, *clustertest.API, cluster.Object) {},
			want:  "m: m is not ready after 3s: Knative has made no revision of it yet",
		},
		"a revision that is not there": {
			react: func(_ *testing.T, api *clustertest.API, s cluster.Object) {
				s["status"] = status(s, made)
				api.Put(s)
			},
			want: "m: m-00001 is not ready after 3s: the cluster does not have it yet",
		},
		"a route without a reason": {
			react: func(_ *testing.T, api *clustertest.API, s cluster.Object) {
				s["status"] = status(s, made, object{"type": "RoutesReady", "status": "Unknown"})
				api.Put(s)
				api.Put(ready)
			},
			want: "m: the route was not ready after 3s: Knative does not say why",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := clustertest.New(t)
			api.React(func(_ string, o cluster.Object) {
				if o.Kind() == "Service" {
					tt.react(t, api, o)
				}
			})
			if tt.refused != 0 {
				api.Refuse("pods", tt.refused)
			}
			_, err := deploy.New(t.Context(), api.Cluster(), functionN(1), deploy.Options{Timeout: 3 * time.Second})
			require.EqualError(t, err, tt.want)
		})
	}
}

// Who may not see how it stands is told so at once.
func TestForbidden(t *testing.T) {
	k := newKnative(t)
	k.api.Refuse("pods", 403)
	_, err := deploy.New(t.Context(), k.api.Cluster(), functionN(1), deploy.Options{})
	require.EqualError(t, err, "m: following pods: no pods for you")
}

// What Knative has noted as observed, and not come to yet, is not what was asked for; it
// tries again, also what failed once.
func TestNotedAlone(t *testing.T) {
	yes := func(kind string) object { return object{"type": kind, "status": "True"} }
	noted := func(kind string) object {
		return object{"type": kind, "status": "Unknown", "reason": "NewObservedGenFailure"}
	}
	moving := func(kind string) object {
		return object{"type": kind, "status": "Unknown", "reason": "TrafficNotMigrated"}
	}
	tests := map[string][][]any{
		"the Service": { // at the template, and at the traffic
			{noted("Ready"), yes("ConfigurationsReady"), yes("RoutesReady")},
			{noted("Ready"), yes("ConfigurationsReady"), yes("RoutesReady")},
		},
		"its Configuration": { // what Ready says is the Route's
			{moving("Ready"), noted("ConfigurationsReady"), moving("RoutesReady")},
		},
		"a revision that could not be made": {
			{notMade(away), object{"type": "Ready", "status": "False"}, yes("RoutesReady")},
		},
	}
	for name, stumbles := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKnative(t)
			c := k.api.Cluster()
			_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
			require.NoError(t, err)
			k.stumbles = stumbles
			result, err := deploy.New(t.Context(), c, functionN(2), deploy.Options{})
			require.NoError(t, err)
			assert.Equal(t, "m-00002", result.Revision)
			s, err := c.Service(t.Context(), "m")
			require.NoError(t, err)
			require.Len(t, s.Status.Traffic, 1)
			assert.Equal(t, "m-00002", s.Status.Traffic[0].RevisionName)
		})
	}
}

// Why a revision could not be made.
const (
	away   = `Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: context deadline exceeded`
	denied = `admission webhook "w.example.com" denied the request: not on a Friday`
)

// notMade is how Knative says why.
func notMade(why string) object {
	return object{"type": "ConfigurationsReady", "status": "False", "reason": "RevisionFailed", "message": "Revision creation failed with message: " + why + "."}
}

// That a revision cannot be made ends a deploy when it was denied; else it may be made
// later, and why it is not yet is told.
func TestNotMade(t *testing.T) {
	tests := map[string]struct {
		why     string
		timeout time.Duration
		want    string
	}{
		"denied": {denied, time.Minute, "m: Revision creation failed with message: " + denied + "."},
		"away":   {away, 5 * time.Second, "m: m is not ready after 5s: Revision creation failed with message: " + away + "."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKnative(t)
			c := k.api.Cluster()
			_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
			require.NoError(t, err)
			k.stumbles, k.comes = [][]any{{notMade(tt.why)}}, time.Hour
			var w told
			_, err = deploy.New(t.Context(), c, functionN(2), deploy.Options{Timeout: tt.timeout, Tell: w.tell})
			require.EqualError(t, err, tt.want+"; the traffic stays as it was, 100 % m-00001")
			assert.Contains(t, w.text(), "m: no revision yet: Revision creation failed with message: "+tt.why+".")
		})
	}
}

// Of two deploys at once, the first does not take the second's revision for its own; that
// somebody moves the traffic meanwhile is no deploy.
func TestAnotherDeployMeanwhile(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
	require.NoError(t, err)
	split := func() string {
		s, err := c.Service(t.Context(), "m")
		require.NoError(t, err)
		return traffic.Of(s).String()
	}
	blue := traffic.Split{{Revision: "m-00001", Percent: 100, Tags: []string{"blue"}}}
	k.meanwhile = func() {
		s, err := c.Service(t.Context(), "m")
		assert.NoError(t, err)
		_, err = c.SetTraffic(t.Context(), s, blue.Targets(), nil)
		assert.NoError(t, err)
	}
	_, err = deploy.New(t.Context(), c, functionN(2), deploy.Options{})
	require.NoError(t, err)
	assert.Equal(t, "0 % m-00001 (blue), 100 % m-00002", split())

	k.meanwhile = func() {
		_, err := c.Apply(t.Context(), functionN(4).Objects[0], cluster.ApplyOptions{})
		assert.NoError(t, err)
	}
	_, err = deploy.New(t.Context(), c, functionN(3), deploy.Options{})
	require.EqualError(t, err, "m: another deploy came meanwhile, and what is to run is that one's")
	assert.Equal(t, "0 % m-00001 (blue), 100 % m-00002", split())
}
