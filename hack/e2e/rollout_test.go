//go:build e2e

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	documents "github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
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

// While the registry is away the models go on, and when it is back all that it had
// acknowledged is there.
func TestRegistryKilledUnderLoad(t *testing.T) {
	changing(t)
	l := startLoad(t, host("model-a"), 4)
	var acknowledged []documents.Document
	for bias := range 10 {
		acknowledged = append(acknowledged, change(t, 80+bias))
	}
	killed := pods(t, "service", "registry")
	kubectl(t, append([]string{"delete", "pod", "--grace-period", "0", "--force"}, killed...)...)
	var next []string
	eventually(t, "another registry", func() bool {
		next = slices.DeleteFunc(pods(t, "service", "registry"), func(pod string) bool { return slices.Contains(killed, pod) })
		return len(next) > 0
	})
	kubectl(t, "wait", "pod/"+next[0], "--for", "condition=Ready", "--timeout", "120s")
	key := t.Name() + time.Now().String() // another run of the test is another write
	patch := registry.Change{Params: []byte(`{"bias":100}`)}
	eventually(t, "a write after the registry is back", func() bool {
		d, err := registryClient(t).Patch(t.Context(), "model-a", patch, registry.Options{Key: key})
		acknowledged = append(acknowledged, d)
		if err != nil {
			acknowledged = acknowledged[:len(acknowledged)-1]
		}
		return err == nil
	})
	for _, d := range acknowledged {
		have, err := registryClient(t).Version(t.Context(), "model-a", d.Version)
		require.NoError(t, err)
		require.Equal(t, d.Digest, have.Digest)
	}
	last := acknowledged[len(acknowledged)-1]
	eventually(t, "the last params at the model", func() bool { return l.latest().digest == last.Digest })
	l.stop(t)
	l.allOK(t)
	l.unmixed(t)
}
