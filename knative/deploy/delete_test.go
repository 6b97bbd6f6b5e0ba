package deploy_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/deploy"
	"github.com/modelfn/modelfn/knative/traffic"
)

// What the function's spec says no more is taken away, once the cluster has accepted the
// rest; what others have made under the same name stays.
func TestTakesAway(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
	require.NoError(t, err)
	require.NotNil(t, k.api.Get("Trigger", "m-params"))

	var w told
	_, err = deploy.New(t.Context(), c, withoutEvents(1), deploy.Options{DryRun: true, Tell: w.tell})
	require.NoError(t, err)
	require.NotNil(t, k.api.Get("Trigger", "m-params"), "a dry run changes nothing")
	assert.Contains(t, w.text(), "m: the Trigger m-params goes: the function has none any more")

	_, err = deploy.New(t.Context(), c, withoutEvents(1), deploy.Options{})
	require.NoError(t, err)
	assert.Nil(t, k.api.Get("Trigger", "m-params"))
	_, err = deploy.New(t.Context(), c, withoutEvents(1), deploy.Options{})
	require.NoError(t, err, "nor has it to be there")

	k.api.Put(trigger("somebody"))
	_, err = deploy.New(t.Context(), c, withoutEvents(1), deploy.Options{})
	require.NoError(t, err)
	require.NotNil(t, k.api.Get("Trigger", "m-params"))
	require.NoError(t, deploy.Delete(t.Context(), c, "m"))
	assert.NotNil(t, k.api.Get("Trigger", "m-params"))
	assert.Nil(t, k.api.Get("Service", "m"))
}

// Revisions that have traffic keep what brings them events: when a deploy fails, when what
// it deploys has a share, or none. Who does not wait has no later moment for it.
func TestTakesAwayLast(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
	require.NoError(t, err)

	k.trouble = []any{object{"type": "Ready", "status": "False"}, object{"type": "ContainerHealthy", "status": "False", "reason": "ContainerMissing", "message": "manifest unknown"}}
	_, err = deploy.New(t.Context(), c, withoutEvents(2), deploy.Options{})
	require.ErrorContains(t, err, "m-00002 is not ready")
	assert.NotNil(t, k.api.Get("Trigger", "m-params"))

	k.trouble = nil
	var w told
	for _, wish := range []traffic.Wish{{None: true}, {Canary: 10}} {
		_, err = deploy.New(t.Context(), c, withoutEvents(3), deploy.Options{Traffic: wish, Tell: w.tell})
		require.NoError(t, err)
		assert.NotNil(t, k.api.Get("Trigger", "m-params"))
	}
	assert.Contains(t, w.text(), "m: the Trigger m-params stays while other revisions have traffic; a deploy with --promote takes it away")
	_, err = deploy.New(t.Context(), c, withoutEvents(3), deploy.Options{Traffic: traffic.Wish{Promote: true}})
	require.NoError(t, err)
	assert.Nil(t, k.api.Get("Trigger", "m-params"))

	_, err = deploy.New(t.Context(), c, functionN(4), deploy.Options{})
	require.NoError(t, err)
	_, err = deploy.New(t.Context(), c, withoutEvents(5), deploy.Options{NoWait: true})
	require.NoError(t, err)
	assert.Nil(t, k.api.Get("Trigger", "m-params"))
}

// What is taken away is the function's when it goes, and not only when it was read.
func TestTakesAwayWhatItRead(t *testing.T) {
	for by, want := range map[string]bool{cluster.Manager: false, "somebody": true} {
		k := newKnative(t)
		c := k.api.Cluster()
		_, err := deploy.New(t.Context(), c, functionN(1), deploy.Options{})
		require.NoError(t, err)
		_, err = deploy.New(t.Context(), c, withoutEvents(1), deploy.Options{Tell: func(_, line string) {
			if line == "the Trigger m-params goes: the function has none any more" {
				k.api.Put(trigger(by)) // it has been read
			}
		}})
		require.NoError(t, err)
		assert.Equal(t, want, k.api.Get("Trigger", "m-params") != nil, by)
	}
}

// What is half gone is finished: the Trigger alone, and a Service that is going already.
func TestDeleteFinishes(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	k.api.Put(trigger(cluster.Manager))
	require.NoError(t, deploy.Delete(t.Context(), c, "m"))
	assert.Nil(t, k.api.Get("Trigger", "m-params"))
	require.EqualError(t, deploy.Delete(t.Context(), c, "m"), "there is no model m in the namespace models")

	k.api.Put(trigger(cluster.Manager))
	k.api.Put(going("m"))
	done := make(chan error)
	go func() { done <- deploy.Delete(t.Context(), c, "m") }()
	require.Eventually(t, func() bool { return k.api.Get("Trigger", "m-params") == nil }, time.Minute, time.Millisecond)
	k.api.Delete("Service", "m")
	require.NoError(t, <-done)
}

// A Service of the same name that is not the one that went is left alone, and not waited for.
func TestDeleteLeavesOthers(t *testing.T) {
	k := newKnative(t)
	c := k.api.Cluster()
	other := object{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": object{"name": "m"}}
	k.api.Put(other)
	k.api.Put(trigger("somebody"))
	require.EqualError(t, deploy.Delete(t.Context(), c, "m"), "m: there is a Service of this name that is no model: it lacks the label modelfn.dev/model")
	k.api.Put(trigger(cluster.Manager))
	require.NoError(t, deploy.Delete(t.Context(), c, "m"))
	assert.NotNil(t, k.api.Get("Service", "m"))
	assert.Nil(t, k.api.Get("Trigger", "m-params"))

	// Nor is the one that somebody deploys while it goes.
	k.api.Delete("Service", "m")
	k.api.Put(functionN(1).Objects[0])
	k.api.Put(trigger(cluster.Manager))
	other["metadata"].(object)["labels"] = object{cluster.ModelLabel: "m", cluster.ManagedByLabel: cluster.Manager}
	k.api.React(func(_ string, o cluster.Object) {
		if o.Kind() == "Trigger" { // the Service has been read
			k.api.Delete("Service", "m")
			k.api.Put(other)
		}
	})
	require.NoError(t, deploy.Delete(t.Context(), c, "m"))
	assert.NotNil(t, k.api.Get("Service", "m"))
}

// What is not allowed is told, before the deletion and while it goes on; and so is that it
// takes its time.
func TestDeleteFails(t *testing.T) {
	for _, resource := range []string{"services", "triggers"} {
		k := newKnative(t)
		k.api.Put(functionN(1).Objects[0])
		k.api.Refuse(resource, http.StatusForbidden)
		require.ErrorContains(t, deploy.Delete(t.Context(), k.api.Cluster(), "m"), "no "+resource+" for you")
		assert.NotNil(t, k.api.Get("Service", "m"))
	}

	k := newKnative(t)
	k.api.Put(trigger(cluster.Manager))
	k.api.Put(going("m"))
	k.api.React(func(string, cluster.Object) { k.api.Refuse("triggers", http.StatusForbidden) })
	require.ErrorContains(t, deploy.Delete(t.Context(), k.api.Cluster(), "m"), "no triggers for you")

	k = newKnative(t)
	k.api.Put(going("m"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := deploy.Delete(ctx, k.api.Cluster(), "m")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "m: the Service is being deleted, and not gone yet")
}

// going is a model's Service that is being deleted, which something holds up.
func going(name string) object {
	return object{
		"apiVersion": "serving.knative.dev/v1", "kind": "Service",
		"metadata": object{
			"name": name, "labels": object{cluster.ModelLabel: name},
			"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": []any{"foregroundDeletion"},
		},
	}
}
