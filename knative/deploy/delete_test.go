package deploy_test

import (
	"testing"

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

	k.trouble = []any{object{"type": "Ready", "status": "False"}, object{"type": "ContainerHealthy", "status": "False", "reason": "ContainerMissing", "message": "gone"}}
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
