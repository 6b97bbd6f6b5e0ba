//go:build e2e

package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Component D as a function of its own gives the outputs that it gives in the process,
// and from zero too. While it is gone A says so, and goes on when it is back.
func TestComponentOverTheNetwork(t *testing.T) {
	trained(t)
	body := patients(t)
	want := local(t, "model-a", body)
	component := deploy(t, "component-d", soon)
	deploy(t, "model-a", "components: {component-d: network}")
	require.Equal(t, want, asked(t, host("model-a"), body).body)

	atZero(t, component)
	require.Equal(t, want, asked(t, host("model-a"), body).body)
	require.NotEmpty(t, pods(t, "revision", component))

	kubectl(t, "delete", "ksvc/component-d", "--wait")
	eventually(t, "the answer that D is away", func() bool {
		a, err := predict(t.Context(), host("model-a"), patient)
		return err == nil && a.status == http.StatusServiceUnavailable && a.retryAfter != ""
	})
	apply(t, "component-d")
	eventually(t, "answers with D", func() bool {
		a, err := predict(t.Context(), host("model-a"), body)
		return err == nil && a.status == http.StatusOK && a.body == want
	})
}
