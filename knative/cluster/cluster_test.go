package cluster_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

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
	_, err = c.SetTraffic(t.Context(), s, nil)
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

	api.Answer("p", 8080, "/health/ready", 503, "no params")
	status, answer, err := c.Ask(t.Context(), "p", 8080, "/health/ready")
	require.NoError(t, err)
	assert.Equal(t, 503, status)
	assert.Equal(t, "no params", string(answer))
	_, _, err = c.Ask(t.Context(), "p", 8081, "/health/ready")
	assert.Error(t, err, "it is the API that answers, and not the pod")
}
