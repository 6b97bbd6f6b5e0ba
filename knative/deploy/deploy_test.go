package deploy_test

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/cluster/clustertest"
	"github.com/modelfn/modelfn/knative/deploy"
	"github.com/modelfn/modelfn/knative/traffic"
)

// What Knative really does is tested on a real cluster, see e2e_test.go. Here is
// the part of it that a deploy waits for, so that its order and its words are tested
// where there is none.

type object = map[string]any

// knative makes revisions of templates, and says that they are ready.
type knative struct {
	t   *testing.T
	api *clustertest.API

	mu       sync.Mutex // guards what follows
	made     int
	template any
	ready    string // the newest revision that is ready
	trouble  []any  // conditions of the next revisions; nil is ready
	patches  []string
	stumbles [][]any       // conditions that it notes each of the next changes with, before it comes to it
	comes    time.Duration // how long that takes it; 0 is 100 ms

	meanwhile func() // what others do once the next template is there
}

func newKnative(t *testing.T) *knative {
	k := &knative{t: t, api: clustertest.New(t)}
	k.api.React(func(method string, o cluster.Object) {
		if o.Kind() == "Service" && method != "DELETE" {
			k.reconcile(method, o)
			k.others()
		}
	})
	return k
}

// others lets them do what they do meanwhile, once there is a new template.
func (k *knative) others() {
	k.mu.Lock()
	do := k.meanwhile
	k.meanwhile = nil
	k.mu.Unlock()
	if do != nil {
		do()
	}
}

func (k *knative) reconcile(method string, s cluster.Object) {
	k.mu.Lock()
	defer k.mu.Unlock()
	spec, _ := s["spec"].(object)
	k.patches = append(k.patches, fmt.Sprintf("%s %v", method, spec["traffic"]))
	if spec["traffic"] == nil {
		spec["traffic"] = []any{object{"latestRevision": true, "percent": 100}} // as the webhook does
	}
	if len(k.stumbles) > 0 {
		status, _ := s["status"].(object)
		status["observedGeneration"] = s["metadata"].(object)["generation"]
		status["conditions"] = k.stumbles[0]
		k.stumbles = k.stumbles[1:]
		k.api.Put(s)
		time.AfterFunc(cmp.Or(k.comes, 100*time.Millisecond), func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.observe(k.api.Get("Service", s.Name()))
		})
		return
	}
	k.observe(s)
}

// observe does what a Service asks for. The lock is held.
func (k *knative) observe(s cluster.Object) {
	spec, _ := s["spec"].(object)
	if !reflect.DeepEqual(spec["template"], k.template) {
		k.made++
		k.template = spec["template"]
		k.revision(s.Name())
	}
	s["status"] = object{
		"observedGeneration": s["metadata"].(object)["generation"], "url": "http://m.models.example.com",
		"latestCreatedRevisionName": k.name(), "latestReadyRevisionName": k.ready, "traffic": spec["traffic"],
		"conditions": []any{object{"type": "ConfigurationsReady", "status": "True"}, object{"type": "RoutesReady", "status": "True"}},
	}
	k.api.Put(s)
}

func (k *knative) name() string { return fmt.Sprintf("m-%05d", k.made) }

func (k *knative) revision(service string) {
	conditions := k.trouble
	if conditions == nil {
		conditions = []any{object{"type": "Ready", "status": "True"}, object{"type": "ContainerHealthy", "status": "True"}}
		k.ready = k.name()
	}
	k.api.Put(object{
		"apiVersion": "serving.knative.dev/v1", "kind": "Revision",
		"metadata": object{"name": k.name(), "labels": object{cluster.ServiceLabel: service}},
		"spec": object{"containers": []any{object{
			"image": "registry.local/m", "readinessProbe": object{"httpGet": object{"path": "/health/ready", "port": 8080}},
		}}},
		"status": object{"observedGeneration": 1, "conditions": conditions},
	})
}

// function returns one whose template differs by n.
func functionN(n int) deploy.Function {
	return deploy.Function{Name: "m", Objects: []cluster.Object{
		{
			"apiVersion": "serving.knative.dev/v1", "kind": "Service",
			"metadata": object{"name": "m", "labels": object{cluster.ModelLabel: "m"}},
			"spec":     object{"template": object{"metadata": object{"annotations": object{"n": fmt.Sprint(n)}}}},
		},
		trigger("modelfn"),
	}}
}

// trigger is that of the function, managed by somebody.
func trigger(by string) cluster.Object {
	return cluster.Object{
		"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger",
		"metadata": object{"name": "m-params", "labels": object{cluster.ModelLabel: "m", "app.kubernetes.io/managed-by": by}},
	}
}

// withoutEvents is the function whose spec says events: false.
func withoutEvents(n int) deploy.Function {
	f := functionN(n)
	f.Objects = f.Objects[:1]
	return f
}

// told gathers the lines of deploys.
type told struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (w *told) tell(function, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, function+": "+line)
}

func (w *told) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lines, "\n")
}

func TestDeploy(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	var w told
	result, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{Tell: w.tell})
	require.NoError(t, err)
	assert.Equal(t, &deploy.Result{
		Function: "m", Namespace: "models", Revision: "m-00001", Changed: true, Ready: true,
		Traffic: traffic.Split{{Revision: "m-00001", Percent: 100}}, URL: "http://m.models.example.com",
	}, result)
	assert.Equal(t, `m: ConfigurationsReady: yes
m: m-00001 ContainerHealthy: yes
m: revision m-00001 is ready
m: traffic: 100 % m-00001
m: RoutesReady: yes`, w.text())
	assert.NotNil(t, k.api.Get("Trigger", "m-params"))

	result, err = deploy.New(t.Context(), c, functionN(2), deploy.Options{Traffic: traffic.Wish{Canary: 10}})
	require.NoError(t, err)
	assert.Equal(t, "90 % m-00001, 10 % m-00002 (candidate)", result.Traffic.String())

	result, err = deploy.New(t.Context(), c, functionN(2), deploy.Options{})
	require.NoError(t, err)
	assert.False(t, result.Changed)
	assert.Equal(t, "the traffic stays split, 90 % m-00001, 10 % m-00002; --promote gives it all to m-00002", result.Note)
}

// A first revision that was to get less gets all, and that is said, whether Knative has
// given it all by then or not.
func TestFirstGetsAll(t *testing.T) {
	result, err := deploy.New(t.Context(), newKnative(t).api.Cluster(), functionN(1), deploy.Options{Traffic: traffic.Wish{Canary: 10}})
	require.NoError(t, err)
	assert.Equal(t, "100 % m-00001", result.Traffic.String())
	assert.Equal(t, "it is the first revision, so all traffic is its own", result.Note)
}

// The traffic of the latest revision is pinned before there is a newer one.
func TestPinsFirst(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{By: "alice"})
	require.NoError(t, err)
	s := k.api.Get("Service", "m")
	s["spec"].(object)["traffic"] = []any{object{"latestRevision": true, "percent": 100}} // somebody's doing
	k.api.Put(s)
	k.patches = nil
	_, err = deploy.New(t.Context(), c, functionN(2), deploy.Options{By: "bob", NoWait: true})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"PATCH [map[latestRevision:false percent:100 revisionName:m-00001]]", // first the traffic
		"PATCH [map[latestRevision:false percent:100 revisionName:m-00001]]", // then the template
	}, k.patches)
	now, err := c.Service(t.Context(), "m")
	require.NoError(t, err)
	assert.Equal(t, "alice", traffic.MarkOf(now).By, "who keeps a split has not set it")
}

// Who deployed, or moved the traffic by hand, is kept with it.
func TestKeepsWho(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	who := func() string {
		s, err := c.Service(t.Context(), "m")
		require.NoError(t, err)
		mark := traffic.MarkOf(s)
		require.NotNil(t, mark)
		return mark.By
	}
	for n, by := range []string{"alice", "bob"} {
		_, err := deploy.New(t.Context(), c, functionN(n+1), deploy.Options{By: by})
		require.NoError(t, err)
		assert.Equal(t, by, who())
	}
	_, err := deploy.Traffic(t.Context(), c, "m", traffic.Change{Percents: map[string]int{"1": 100}}, "carol")
	require.NoError(t, err)
	assert.Equal(t, "carol", who())
	_, err = deploy.Traffic(t.Context(), c, "m", traffic.Change{}, "dave")
	require.NoError(t, err)
	assert.Equal(t, "carol", who(), "who only looks sets nothing")
}

func TestDryRun(t *testing.T) {
	k := newKnative(t)
	result, err := deploy.New(t.Context(), k.api.Cluster(), functionN(1), deploy.Options{DryRun: true})
	require.NoError(t, err)
	assert.True(t, result.Changed)
	assert.Nil(t, k.api.Get("Service", "m"))
	assert.Empty(t, k.patches)
}

func TestRefuses(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	k.api.Put(object{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": object{"name": "m"}})
	_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
	require.EqualError(t, err, "m: there is a Service of this name that is no model: it lacks the label modelfn.dev/model")

	k.api.Away(true)
	_, err = deploy.New(t.Context(), c, functionN(1), deploy.Options{})
	require.ErrorContains(t, err, "m: the API is away")
}

// Who ends a deploy hears what that leaves.
func TestInterrupted(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
	require.NoError(t, err)
	k.trouble = []any{object{"type": "Ready", "status": "Unknown"}}
	ctx, cancel := context.WithCancel(t.Context())
	k.meanwhile = cancel
	_, err = deploy.New(ctx, c, functionN(2), deploy.Options{})
	require.EqualError(t, err, "m: interrupted; what was applied stays; the traffic stays as it was, 100 % m-00001")
}
