package discovery_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/knative/cluster/clustertest"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/discovery"
)

type object = map[string]any

// service is a Service as Knative shows it, with all traffic at a revision.
func service(name, revision string, routes string, labels, annotations object) object {
	return object{
		"apiVersion": "serving.knative.dev/v1", "kind": "Service",
		"metadata": object{"name": name, "namespace": clustertest.Namespace, "labels": labels, "annotations": annotations},
		"spec":     object{"traffic": []any{object{"revisionName": revision, "percent": 100}}},
		"status": object{
			"latestReadyRevisionName": revision, "latestCreatedRevisionName": revision, "observedGeneration": 1,
			"conditions": []any{object{"type": "RoutesReady", "status": routes}},
		},
	}
}

func revision(service string, number int, conditions ...object) object {
	return object{
		"apiVersion": "serving.knative.dev/v1", "kind": "Revision",
		"metadata": object{
			"name": fmt.Sprintf("%s-%05d", service, number), "namespace": clustertest.Namespace,
			"labels":            object{"serving.knative.dev/service": service},
			"creationTimestamp": fmt.Sprintf("2026-01-02T03:%02d:00Z", number),
		},
		"spec": object{"containers": []any{object{
			"name": "user-container", "image": "registry.local/" + service,
			"env": []any{object{"name": "PARAMS_VERSION", "value": fmt.Sprint(number)}},
		}}},
		"status": object{"observedGeneration": 1, "conditions": conditions},
	}
}

var ready = object{"type": "Ready", "status": "True"}

func pod(service string, number int, phase string) object {
	return object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{
			"name": fmt.Sprintf("%s-%05d-pod", service, number), "namespace": clustertest.Namespace,
			"labels": object{"serving.knative.dev/service": service, "serving.knative.dev/revision": fmt.Sprintf("%s-%05d", service, number)},
		},
		"status": object{"phase": phase},
	}
}

func isModel(name string) object { return object{"modelfn.dev/model": name} }

// start runs a discovery until the test ends.
func start(t *testing.T, api *clustertest.API) *discovery.Discovery {
	t.Helper()
	d := discovery.New(api.Cluster(), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return d
}

// eventually waits for a condition.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, time.Minute, 5*time.Millisecond)
}

func TestModels(t *testing.T) {
	api := clustertest.New(t)
	api.Put(service("registry", "registry-00001", "True", object{}, nil))
	api.Put(revision("registry", 1, ready))
	api.Put(pod("registry", 1, "Running"))
	api.Put(service("other", "other-00001", "True", object{"app": "other"}, nil))
	api.Put(service("model-a", "model-a-00001", "True", isModel("model-a"), object{
		"modelfn.dev/description": `{"model":"model-a","description":"the low one","signature":{"inputs":[{"name":"bmi"}],"outputs":[{"name":"y"}]},"schema":{}}`,
	}))
	api.Put(revision("model-a", 1, ready))
	api.Put(revision("model-a", 2, object{"type": "Ready", "status": "False", "reason": "ContainerMissing"},
		object{"type": "ContainerHealthy", "status": "False", "reason": "ContainerMissing", "message": `Unable to fetch image "registry.local/model-a": MANIFEST_UNKNOWN`}))
	api.Put(pod("model-a", 1, "Running"))

	d := start(t, api)
	<-d.Complete()
	require.Len(t, d.Models(), 1)
	m := d.Models()["model-a"]
	require.Len(t, m.Instances, 1)
	assert.Equal(t, "http://model-a.models.svc.cluster.local", m.Instances[0].String())
	assert.Equal(t, "the low one", m.Description)
	require.NotNil(t, m.Signature)
	assert.Equal(t, "bmi", m.Signature.Inputs[0].Name)
	assert.Empty(t, m.State, "it is ready")
	assert.NotEmpty(t, m.Split)
	require.Len(t, m.Revisions, 2)
	assert.Equal(t, console.Revision{
		Name: "model-a-00002", Image: "registry.local/model-a", ParamsVersion: 2, Tags: []string{},
		Reason: "the image registry.local/model-a is not found (MANIFEST_UNKNOWN)", Created: time.Date(2026, 1, 2, 3, 2, 0, 0, time.UTC),
	}, m.Revisions[0], "the newest first")
	assert.Equal(t, console.Revision{
		Name: "model-a-00001", Image: "registry.local/model-a", ParamsVersion: 1, Percent: 100, Tags: []string{},
		Ready: true, Pods: 1, Created: time.Date(2026, 1, 2, 3, 1, 0, 0, time.UTC),
	}, m.Revisions[1])
	assert.Equal(t, "http://registry.models.svc.cluster.local", d.Registry().Instances[0].String())

	looked, err := discovery.Look(t.Context(), api.Cluster())
	require.NoError(t, err)
	assert.Equal(t, d.Models()["model-a"].Revisions, looked.Models["model-a"].Revisions)
	assert.NotNil(t, looked.Registry)
}

func TestStates(t *testing.T) {
	api := clustertest.New(t)
	d := start(t, api)
	<-d.Complete()
	assert.Empty(t, d.Models())
	assert.Nil(t, d.Registry())
	state := func() (console.State, int) {
		m := d.Models()["m"]
		if m == nil {
			return "absent", 0
		}
		return m.State, len(m.Instances)
	}
	is := func(want console.State, instances int) {
		t.Helper()
		eventually(t, func() bool {
			s, n := state()
			return s == want && n == instances
		})
	}
	// A new model appears by itself.
	api.Put(service("m", "m-00001", "Unknown", isModel("m"), nil))
	is(console.StateStarting, 0)
	api.Put(revision("m", 1, object{"type": "Ready", "status": "False", "reason": "ContainerMissing"},
		object{"type": "ContainerHealthy", "status": "False", "reason": "ContainerMissing", "message": "manifest unknown"}))
	is(console.StateFailing, 0)
	assert.Equal(t, "the image registry.local/m is not found (manifest unknown)", d.Models()["m"].Reason)
	api.Put(revision("m", 1, ready))
	is(console.StateStarting, 0) // there is no route to it
	api.Put(service("m", "m-00001", "True", isModel("m"), nil))
	is(console.StateZero, 1)
	api.Put(pod("m", 1, "Pending"))
	api.Put(pod("m", 1, "Running"))
	is("", 1)
	// While its traffic is moved a route is not ready, and goes on all the same.
	api.Put(service("m", "m-00001", "Unknown", isModel("m"), nil))
	api.Delete("Pod", "m-00001-pod")
	is(console.StateZero, 1)
	api.Delete("Service", "m")
	is("absent", 0)
}

// The models stay while the API is away, and what changed meanwhile is seen when it
// is back.
func TestAPIAway(t *testing.T) {
	api := clustertest.New(t)
	for _, name := range []string{"a", "b"} {
		api.Put(service(name, name+"-00001", "True", isModel(name), nil))
		api.Put(revision(name, 1, ready))
	}
	d := start(t, api)
	<-d.Complete()
	require.Len(t, d.Models(), 2)

	api.Away(true)
	api.Delete("Service", "a")
	api.Put(service("c", "c-00001", "True", isModel("c"), nil))
	_, err := discovery.Look(t.Context(), api.Cluster())
	require.Error(t, err)
	assert.Len(t, d.Models(), 2)
	assert.Len(t, d.Models()["a"].Instances, 1)

	api.Away(false)
	eventually(t, func() bool { return d.Models()["a"] == nil && d.Models()["c"] != nil })
	// And the watch is there again.
	api.Put(service("d", "d-00001", "True", isModel("d"), nil))
	eventually(t, func() bool { return d.Models()["d"] != nil })
}

func TestSetTraffic(t *testing.T) {
	api := clustertest.New(t)
	s := service("m", "m-00001", "True", isModel("m"), nil)
	s["spec"] = object{"traffic": []any{
		object{"revisionName": "m-00001", "percent": 100, "tag": "blue"}, object{"latestRevision": true, "tag": "newest"},
	}}
	api.Put(s)
	api.Put(revision("m", 1, ready))
	api.Put(revision("m", 2, ready))
	api.Put(revision("m", 3, object{"type": "Ready", "status": "Unknown"}))
	d := start(t, api)
	<-d.Complete()
	etag := d.Models()["m"].Split

	assert.Nil(t, d.Models()["m"].Set, "nobody is known to have set it")
	change := console.SplitChange{IfMatch: etag, By: "alice", Traffic: []console.Share{
		{Revision: "m-00001", Percent: 60, Tags: []string{"blue", "newest"}}, {Revision: "m-00002", Percent: 40, Tags: []string{"candidate"}},
	}}
	now, former, err := d.SetTraffic(t.Context(), "m", change)
	require.NoError(t, err)
	assert.Equal(t, []console.Share{{Revision: "m-00001", Percent: 100, Tags: []string{"blue", "newest"}}}, former)
	assert.Equal(t, change.Traffic, now.Traffic)
	assert.Equal(t, []any{
		object{"latestRevision": false, "revisionName": "m-00001", "percent": 60.0},
		object{"latestRevision": false, "revisionName": "m-00001", "tag": "blue"},
		object{"latestRevision": false, "revisionName": "m-00002", "percent": 40.0},
		object{"latestRevision": false, "revisionName": "m-00002", "tag": "candidate"},
		object{"latestRevision": true, "tag": "newest"},
	}, api.Get("Service", "m")["spec"].(map[string]any)["traffic"], "a tag that follows the newest revision goes on following it")
	eventually(t, func() bool { return d.Models()["m"].Split == now.ETag })

	// Who set it is kept, beside what the Service had, until another tool sets it.
	require.NotNil(t, now.Set)
	assert.Equal(t, "alice", now.Set.By)
	assert.WithinDuration(t, time.Now(), now.Set.At, time.Minute)
	assert.Equal(t, now.Set, d.Models()["m"].Set)
	stored := api.Get("Service", "m")
	assert.Contains(t, stored["metadata"].(map[string]any)["annotations"], "modelfn.dev/traffic")

	// Too late: the split as it stands comes with the fault.
	stands, _, err := d.SetTraffic(t.Context(), "m", change)
	assert.Equal(t, fault.Precondition, fault.From(err).Kind)
	assert.Equal(t, now, stands)

	change.IfMatch = now.ETag
	change.Traffic = []console.Share{{Revision: "m-00003", Percent: 50}, {Revision: "m-00009", Percent: 50}}
	_, _, err = d.SetTraffic(t.Context(), "m", change)
	assert.Equal(t, fault.Invalid, fault.From(err).Kind)
	assert.EqualError(t, err, `traffic[0].revision: m-00003 is not ready; traffic[1].revision: "m-00009" is not a revision of m`)

	stored["spec"].(map[string]any)["traffic"] = []any{object{"revisionName": "m-00001", "percent": 100}}
	api.Put(stored)
	eventually(t, func() bool { return d.Models()["m"].Split != now.ETag })
	assert.Nil(t, d.Models()["m"].Set, "that is not what alice set")

	_, _, err = d.SetTraffic(t.Context(), "x", change)
	assert.Equal(t, fault.NotFound, fault.From(err).Kind)
	api.Away(true)
	_, _, err = d.SetTraffic(t.Context(), "m", change)
	assert.Equal(t, fault.Unavailable, fault.From(err).Kind)
}

// Of Knative's many old revisions those are told that do something, and of the others the
// ones that did last, or are the newest.
func TestOldRevisions(t *testing.T) {
	api := clustertest.New(t)
	api.Put(service("m", "m-00001", "True", isModel("m"), nil))
	routed := func(number int, state, since string) object {
		r := revision("m", number, ready)
		metadata := r["metadata"].(object)
		metadata["labels"].(object)["serving.knative.dev/routingState"] = state
		metadata["annotations"] = object{"serving.knative.dev/routingStateModified": since}
		return r
	}
	for n := range 50 {
		api.Put(routed(n+1, "pending", fmt.Sprintf("2026-01-02T03:%02d:00Z", n+1)))
	}
	api.Put(routed(1, "active", "2026-01-02T03:01:00Z"))
	api.Put(routed(2, "reserve", "2026-01-02T03:01:00Z"))
	api.Put(routed(3, "reserve", "2026-01-02T04:00:00Z")) // it had traffic when all others were there
	api.Put(routed(4, "active", "2026-01-02T03:04:00Z"))  // its traffic was taken just now
	api.Put(revision("m", 5, ready))
	looked, err := discovery.Look(t.Context(), api.Cluster())
	require.NoError(t, err)
	var names []string
	for _, r := range looked.Models["m"].Revisions {
		names = append(names, r.Name)
	}
	var want []string
	for n := 50; n > 31; n-- {
		want = append(want, fmt.Sprintf("m-%05d", n))
	}
	assert.Equal(t, append(want, "m-00004", "m-00003", "m-00001"), names)
	assert.Equal(t, 28, looked.Models["m"].LeftOut)

	api.Put(service("n", "n-00001", "True", isModel("n"), nil))
	for n := range 21 {
		api.Put(revision("n", n+1, ready))
	}
	looked, err = discovery.Look(t.Context(), api.Cluster())
	require.NoError(t, err)
	assert.Len(t, looked.Models["n"].Revisions, 21)
	assert.Zero(t, looked.Models["n"].LeftOut)
}
