//go:build e2e

package deploy_test

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
	servingclient "knative.dev/serving/pkg/client/clientset/versioned/typed/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/deploy"
	"github.com/modelfn/modelfn/knative/traffic"
)

// The real cluster: run these with hack/cluster/exec go test -tags e2e.

const (
	helloImage = "registry.local:5000/hello"
	modelImage = "registry.local:5000/modelfn/model-a"
)

// rig is a namespace of the test's own.
type rig struct {
	t         *testing.T
	namespace string
	cluster   *cluster.Cluster

	mu    sync.Mutex // guards lines
	lines []string
}

func newRig(t *testing.T) *rig {
	t.Parallel()
	r := &rig{t: t, namespace: fmt.Sprintf("deploy-test-%d", time.Now().UnixNano())}
	r.kubectl("create", "namespace", r.namespace)
	t.Cleanup(func() { r.kubectl("delete", "namespace", r.namespace, "--wait=false") })
	var err error
	r.cluster, err = cluster.Connect(cluster.Config{Namespace: r.namespace})
	require.NoError(t, err)
	return r
}

func (r *rig) kubectl(args ...string) string {
	r.t.Helper()
	out, err := exec.Command("kubectl", append([]string{"--namespace", r.namespace}, args...)...).CombinedOutput()
	require.NoError(r.t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// kn does what 'kn service update' does, with the client that kn is made of: it reads the
// Service, changes it and writes it back whole.
func (r *rig) kn(service string, change func(*servingv1.ServiceSpec)) {
	r.t.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	require.NoError(r.t, err)
	c, err := servingclient.NewForConfig(config)
	require.NoError(r.t, err)
	require.NoError(r.t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		s, err := c.Services(r.namespace).Get(r.t.Context(), service, metav1.GetOptions{})
		if err == nil {
			change(&s.Spec)
			_, err = c.Services(r.namespace).Update(r.t.Context(), s, metav1.UpdateOptions{FieldManager: "kn"})
		}
		return err
	}))
}

// function is a Service of the hello image; env changes it.
func function(name string, env ...string) deploy.Function {
	container := map[string]any{"name": "user-container", "image": helloImage}
	var list []any
	for i := 0; i+1 < len(env); i += 2 {
		list = append(list, map[string]any{"name": env[i], "value": env[i+1]})
	}
	if list != nil {
		container["env"] = list
	}
	return withContainer(name, container)
}

func withContainer(name string, container map[string]any) deploy.Function {
	return deploy.Function{Name: name, Objects: []cluster.Object{{
		"apiVersion": "serving.knative.dev/v1", "kind": "Service",
		"metadata": map[string]any{"name": name, "labels": map[string]any{cluster.ModelLabel: name}},
		"spec":     map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}},
	}}}
}

func (r *rig) options(wish traffic.Wish) deploy.Options {
	return deploy.Options{Traffic: wish, Timeout: 45 * time.Second, Tell: func(function, line string) {
		r.t.Logf("%s: %s", function, line)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, line)
	}}
}

func (r *rig) deploy(f deploy.Function, wish traffic.Wish) *deploy.Result {
	r.t.Helper()
	result, err := deploy.New(r.t.Context(), r.cluster, f, r.options(wish))
	require.NoError(r.t, err)
	return result
}

func (r *rig) traffic(service string) string {
	r.t.Helper()
	s, err := r.cluster.Service(r.t.Context(), service)
	require.NoError(r.t, err)
	require.True(r.t, traffic.Pinned(s))
	return traffic.Of(s).String()
}

// TestTraffic walks one function through a release.
func TestTraffic(t *testing.T) {
	r := newRig(t)

	first := r.deploy(function("m"), traffic.Wish{Canary: 10})
	assert.Equal(t, "m-00001", first.Revision)
	assert.True(t, first.Changed)
	assert.NotEmpty(t, first.URL)
	assert.Equal(t, "it is the first revision, so all traffic is its own", first.Note)
	assert.Equal(t, "100 % m-00001", r.traffic("m"))

	again := r.deploy(function("m"), traffic.Wish{})
	assert.Equal(t, "m-00001", again.Revision)
	assert.False(t, again.Changed)

	r.deploy(function("m", "N", "2"), traffic.Wish{Canary: 10})
	assert.Equal(t, "90 % m-00001, 10 % m-00002 (candidate)", r.traffic("m"))

	// A tag of somebody else.
	r.kn("m", func(s *servingv1.ServiceSpec) {
		s.Traffic = append(s.Traffic, servingv1.TrafficTarget{RevisionName: "m-00001", LatestRevision: new(false), Tag: "blue"})
	})
	assert.Equal(t, "90 % m-00001 (blue), 10 % m-00002 (candidate)", r.traffic("m"))

	third := r.deploy(function("m", "N", "3"), traffic.Wish{})
	assert.Contains(t, third.Note, "the traffic is split")
	assert.Equal(t, "90 % m-00001 (blue), 10 % m-00002, 0 % m-00003 (candidate)", r.traffic("m"))

	r.deploy(function("m", "N", "3"), traffic.Wish{Promote: true})
	assert.Equal(t, "0 % m-00001 (blue), 100 % m-00003", r.traffic("m"))

	r.deploy(function("m", "N", "4"), traffic.Wish{None: true})
	assert.Equal(t, "0 % m-00001 (blue), 100 % m-00003, 0 % m-00004 (candidate)", r.traffic("m"))

	r.deploy(function("m", "N", "5"), traffic.Wish{})
	assert.Equal(t, "0 % m-00001 (blue), 100 % m-00005", r.traffic("m"))
}

// TestForeignTraffic: what others make of the traffic outlasts a deploy.
func TestForeignTraffic(t *testing.T) {
	r := newRig(t)
	r.deploy(function("m"), traffic.Wish{})
	r.deploy(function("m", "N", "2"), traffic.Wish{})

	r.kn("m", func(s *servingv1.ServiceSpec) {
		s.Traffic = []servingv1.TrafficTarget{
			{LatestRevision: new(true), Percent: new(int64(30)), Tag: "newest"},
			{RevisionName: "m-00001", Percent: new(int64(70)), Tag: "old"},
		}
	})
	third := r.deploy(function("m", "N", "3"), traffic.Wish{})
	assert.Contains(t, third.Note, "the traffic is split, 30 % m-00002, 70 % m-00001")
	assert.Equal(t, "0 % @latest (newest), 30 % m-00002, 70 % m-00001 (old), 0 % m-00003 (candidate)", r.traffic("m"))

	r.kubectl("patch", "ksvc", "m", "--type", "merge", "--patch", `{"spec":{"traffic":[{"revisionName":"m-00002","percent":60},{"revisionName":"m-00003","percent":40}]}}`)
	r.deploy(function("m", "N", "4"), traffic.Wish{})
	assert.Equal(t, "60 % m-00002, 40 % m-00003, 0 % m-00004 (candidate)", r.traffic("m"))

	r.kubectl("patch", "ksvc", "m", "--type", "json", "--patch", `[{"op":"replace","path":"/spec/traffic","value":[{"latestRevision":true,"percent":100}]}]`)
	r.deploy(function("m", "N", "5"), traffic.Wish{None: true})
	assert.Equal(t, "100 % m-00004, 0 % m-00005 (candidate)", r.traffic("m"))

	// What others changed beside the traffic is taken back, and told.
	r.kn("m", func(s *servingv1.ServiceSpec) { s.Template.Spec.Containers[0].Env[0].Value = "kn" })
	r.deploy(function("m", "N", "7"), traffic.Wish{Promote: true})
	assert.Contains(t, strings.Join(r.lines, "\n"), "taking back what others changed: .spec.template.spec.containers")
	assert.Equal(t, "100 % m-00007", r.traffic("m"))
}

// TestFailures: a deploy that fails names the cause, and the running revision keeps
// the traffic.
func TestFailures(t *testing.T) {
	env := func(pairs ...string) (list []any) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, map[string]any{"name": pairs[i], "value": pairs[i+1]})
		}
		return list
	}
	ready := map[string]any{"httpGet": map[string]any{"path": "/health/ready", "port": 8080}}
	tests := map[string]struct {
		container map[string]any
		timeout   time.Duration
		want      string
	}{
		"no such image": {
			container: map[string]any{"image": "registry.local:5000/no-such"},
			want:      "m-00002 is not ready: the image registry.local:5000/no-such is not found (",
		},
		"no such program": {
			container: map[string]any{"image": helloImage, "command": []any{"/no-such-program"}},
			want:      `m-00002 is not ready: the program cannot be started: `,
		},
		"crash": {
			container: map[string]any{"image": modelImage, "env": env("LOG_LEVEL", "nonsense"), "readinessProbe": ready},
			want:      "m-00002 is not ready: the program ends with exit code 1: model-a: settings: LOG_LEVEL: ",
		},
		"failing probe": {
			container: map[string]any{"image": modelImage, "env": env("PARAMS_URL", "http://registry.invalid", "PARAMS_FALLBACK", "none"), "readinessProbe": ready},
			timeout:   25 * time.Second,
			want:      `m-00002 is not ready after 25s: the program runs, and is not ready: GET /health/ready answers 503: {`,
		},
		"no room": {
			container: map[string]any{"image": helloImage, "resources": map[string]any{"requests": map[string]any{"cpu": "900"}}},
			timeout:   15 * time.Second,
			want:      "m-00002 is not ready after 15s: not enough room: 0/1 nodes are available: 1 Insufficient cpu",
		},
		"refused by the webhook": {
			container: map[string]any{"image": helloImage, "ports": []any{map[string]any{"containerPort": 8012}}},
			want:      "the cluster refuses it: ",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.deploy(function("m"), traffic.Wish{})
			o := r.options(traffic.Wish{})
			if tt.timeout > 0 {
				o.Timeout = tt.timeout
			}
			_, err := deploy.New(t.Context(), r.cluster, withContainer("m", tt.container), o)
			t.Log(err)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "; the traffic stays as it was, 100 % m-00001")
			assert.Equal(t, "100 % m-00001", r.traffic("m"))

			// And a good one goes through after it.
			r.deploy(function("m", "N", "3"), traffic.Wish{})
		})
	}
}

// TestNothingBeforeReady: a revision that is not ready has nothing to expect from a
// Service that gives its traffic to the latest revision.
func TestNothingBeforeReady(t *testing.T) {
	r := newRig(t)
	r.deploy(function("m"), traffic.Wish{})
	r.kubectl("patch", "ksvc", "m", "--type", "merge", "--patch", `{"spec":{"traffic":[{"latestRevision":true,"percent":100}]}}`)
	o := r.options(traffic.Wish{})
	o.NoWait = true
	_, err := deploy.New(t.Context(), r.cluster, function("m", "N", "2"), o)
	require.NoError(t, err)
	assert.Equal(t, "100 % m-00001", r.traffic("m"), "pinned before the new one was there")
	r.deploy(function("m", "N", "2"), traffic.Wish{})
	assert.Equal(t, "100 % m-00002", r.traffic("m"))
}

// TestDelete: what somebody else began to delete is finished, with all that was beside it.
func TestDelete(t *testing.T) {
	r := newRig(t)
	f := function("m")
	f.Objects = append(f.Objects, cluster.Object{
		"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger",
		"metadata": map[string]any{"name": "m-params", "labels": map[string]any{cluster.ModelLabel: "m", cluster.ManagedByLabel: cluster.Manager}},
		"spec": map[string]any{"broker": "default", "subscriber": map[string]any{
			"ref": map[string]any{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "m"},
		}},
	})
	r.deploy(f, traffic.Wish{})
	r.kubectl("delete", "ksvc", "m", "--wait=false", "--cascade=foreground")
	require.NoError(t, deploy.Delete(t.Context(), r.cluster, "m"))
	assert.Empty(t, r.kubectl("get", "triggers,ksvc,revisions", "--output", "name"))
	require.EqualError(t, deploy.Delete(t.Context(), r.cluster, "m"), "there is no model m in the namespace "+r.namespace)
}
