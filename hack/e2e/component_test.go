//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Component D as a function of its own gives the outputs that it gives in the process,
// and from zero too.
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
}

// While D is gone, A says so. Its circuit breaker opens, and what is asked then makes no
// call: the answer says to come back when the breaker lets one through again. With D back
// it closes.
func TestComponentGoneAndBack(t *testing.T) {
	trained(t)
	body := patients(t)
	want := local(t, "model-a", body)
	deploy(t, "component-d", soon)
	revision := deploy(t, "model-a", "scale: {min: 1, max: 1}", "components: {component-d: network}")
	require.Equal(t, want, asked(t, host("model-a"), body).body)
	require.Equal(t, closed, breaker(t, revision))

	kubectl(t, "delete", "ksvc/component-d", "--wait")
	const recovery = "2" // seconds that an open breaker stays so; after a call that failed it is 1
	eventually(t, "an open breaker", func() bool {
		a, err := predict(t.Context(), host("model-a"), patient)
		return err == nil && a.status == http.StatusServiceUnavailable && a.retryAfter == recovery && breaker(t, revision) == open
	})
	apply(t, "component-d")
	eventually(t, "answers with D", func() bool {
		a, err := predict(t.Context(), host("model-a"), body)
		require.NoError(t, err)
		if a.status != http.StatusOK {
			require.Equal(t, http.StatusServiceUnavailable, a.status, a.body)
			require.NotEmpty(t, a.retryAfter)
			return false
		}
		require.Equal(t, want, a.body)
		return true
	})
	require.Equal(t, closed, breaker(t, revision))
}

// The states of a breaker, as the metrics have them.
const closed, open = "0", "2"

// breaker returns the state of the breaker before component D, in the one replica of a
// revision of model-a.
func breaker(t *testing.T, revision string) (state string) {
	t.Helper()
	all := pods(t, "revision", revision)
	require.Len(t, all, 1)
	resp, err := client.Get("http://" + field(t, "pod/"+all[0], "{.status.podIP}") + ":9095/metrics")
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	_, state, found := strings.Cut(string(text), "\n"+`modelfn_breaker_state{component="component-d",model="model-a"} `)
	require.True(t, found, "%s", text)
	state, _, _ = strings.Cut(state, "\n")
	return state
}
