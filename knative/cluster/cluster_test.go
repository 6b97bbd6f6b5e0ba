package cluster_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/cluster/clustertest"
)

type object = map[string]any

func TestConnect(t *testing.T) {
	api := clustertest.New(t)
	file := api.Kubeconfig()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBERNETES_SERVICE_HOST", "")

	t.Setenv("KUBECONFIG", "")
	_, err := cluster.Connect(cluster.Config{})
	require.EqualError(t, err, "no cluster is configured: KUBECONFIG or --kubeconfig names a file, as for kubectl")

	t.Setenv("KUBECONFIG", file)
	c, err := cluster.Connect(cluster.Config{})
	require.NoError(t, err)
	assert.Equal(t, clustertest.Namespace, c.Namespace())
	c, err = cluster.Connect(cluster.Config{Namespace: "other"})
	require.NoError(t, err)
	assert.Equal(t, "other", c.Namespace())

	_, err = cluster.Connect(cluster.Config{Namespace: "team/a"})
	require.EqualError(t, err, `"team/a" is not the name of a namespace: lower-case letters, digits and dashes`)

	_, err = cluster.Connect(cluster.Config{Context: "nowhere"})
	require.ErrorContains(t, err, `reading the kubeconfig: context "nowhere" does not exist`)
	bad := filepath.Join(t.TempDir(), "bad")
	require.NoError(t, os.WriteFile(bad, []byte("{"), 0o600))
	_, err = cluster.Connect(cluster.Config{Kubeconfig: bad})
	require.ErrorContains(t, err, "reading the kubeconfig: ")
}

func TestObjects(t *testing.T) {
	api := clustertest.New(t)
	c := api.Cluster()
	o := cluster.Object{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": object{"name": "m"}, "spec": object{"template": object{}}}
	applied, err := c.Apply(t.Context(), o, cluster.ApplyOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, applied.Generation)
	s, err := c.Service(t.Context(), "m")
	require.NoError(t, err)
	assert.Equal(t, "m", s.Name)

	// What was read before another change is not written over.
	o["spec"] = object{"template": object{"spec": object{"timeoutSeconds": 5}}}
	applied, err = c.Apply(t.Context(), o, cluster.ApplyOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, 2, applied.Generation)
	_, err = c.SetTraffic(t.Context(), s, nil, nil)
	assert.True(t, cluster.Changed(err), err)

	deleted, err := c.Delete(t.Context(), o)
	require.NoError(t, err)
	assert.True(t, deleted)
	_, err = c.Service(t.Context(), "m")
	assert.True(t, cluster.Missing(err), err)
	deleted, err = c.Delete(t.Context(), o)
	require.NoError(t, err)
	assert.False(t, deleted)

	_, err = c.Apply(t.Context(), cluster.Object{"kind": "Service"}, cluster.ApplyOptions{})
	require.EqualError(t, err, "Service : a manifest needs apiVersion, kind and metadata.name")
}

func TestProgramRun(t *testing.T) {
	ended := &corev1.ContainerStateTerminated{ContainerID: "first"}
	tests := map[string]struct {
		status corev1.ContainerStatus
		id     string
		runs   bool
	}{
		"being made":    {corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}, "", false},
		"running":       {corev1.ContainerStatus{ContainerID: "first", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}, "first", true},
		"ended":         {corev1.ContainerStatus{ContainerID: "first", State: corev1.ContainerState{Terminated: ended}}, "first", false},
		"to come again": {corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}, LastTerminationState: corev1.ContainerState{Terminated: ended}}, "first", false},
		"running again": {corev1.ContainerStatus{ContainerID: "second", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, LastTerminationState: corev1.ContainerState{Terminated: ended}}, "second", true},
	}
	for name, tt := range tests {
		tt.status.Name = "mine"
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "queue-proxy"}, {Name: "mine"}}}}
		id, runs := cluster.ProgramRun(pod)
		assert.Empty(t, id, name)
		assert.False(t, runs, name)
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "queue-proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}, tt.status}
		id, runs = cluster.ProgramRun(pod)
		assert.Equal(t, tt.id, id, name)
		assert.Equal(t, tt.runs, runs, name)
	}
}

func TestPods(t *testing.T) {
	api := clustertest.New(t)
	c := api.Cluster()
	api.Put(object{
		"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "p", "labels": object{cluster.ServiceLabel: "m"}},
		"spec": object{"containers": []any{object{"name": "queue-proxy"}, object{"name": "mine"}}},
	})
	api.Put(object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "other"}})
	pods, err := c.Pods(t.Context(), "m")
	require.NoError(t, err)
	require.Len(t, pods, 1)
	assert.Equal(t, "mine", cluster.Program(pods[0]))
	assert.Empty(t, cluster.Program(&corev1.Pod{}))

	api.Log("p", "one\ntwo\n")
	log, err := c.Log(t.Context(), pods[0], cluster.LogOptions{Tail: 2})
	require.NoError(t, err)
	text, err := io.ReadAll(log)
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\n", string(text))
	log, err = c.Log(t.Context(), pods[0], cluster.LogOptions{Times: true, Since: time.Unix(1, 0)})
	require.NoError(t, err)
	text, err = io.ReadAll(log)
	require.NoError(t, err)
	assert.Equal(t, "1970-01-01T00:00:01Z one\n1970-01-01T00:00:02Z two\n", string(text))

	api.Answer("p", 8080, "/health/ready", 503, "no params")
	status, answer, err := c.Ask(t.Context(), "p", 8080, "/health/ready")
	require.NoError(t, err)
	assert.Equal(t, 503, status)
	assert.Equal(t, "no params", string(answer))
	_, _, err = c.Ask(t.Context(), "p", 8081, "/health/ready")
	assert.Error(t, err, "it is the API that answers, and not the pod")
}
