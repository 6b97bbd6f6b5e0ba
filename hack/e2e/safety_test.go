//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No container may run as root, write to its root or gain rights.
func TestContainersAreConfined(t *testing.T) {
	asked(t, host("model-a"), patient) // so that there is one
	require.Equal(t, "restricted", field(t, "namespace/"+namespace, `{.metadata.labels.pod-security\.kubernetes\.io/enforce}`))
	lines := strings.Fields(field(t, "pods", `{range .items[*]}{range .spec.containers[*]}{.name}:{.securityContext.runAsNonRoot}:{.securityContext.readOnlyRootFilesystem}:{.securityContext.allowPrivilegeEscalation}{"\n"}{end}{end}`))
	require.NotEmpty(t, lines)
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, ":")
		assert.Equal(t, "true:true:false", rest, name)
	}
}

// What changes something needs a token, wherever it is asked from.
func TestWritesNeedAToken(t *testing.T) {
	evaluate := `{"params":{"weights":[1,1,1],"bias":0,"quantile":0.5},"inputs":[[1,2,3]]}`
	for _, test := range []struct{ method, url, body string }{
		{http.MethodPut, registryURL + "/params/model-a", `{"params":{}}`},
		{http.MethodPatch, registryURL + "/params/model-a", `{"params":{}}`},
		{http.MethodPost, registryURL + "/params/model-a/rollback", `{"version":1}`},
		{http.MethodPost, host("model-a") + "/evaluate", evaluate},
	} {
		for _, bearer := range []string{"", "not-a-token"} {
			req, err := http.NewRequestWithContext(t.Context(), test.method, test.url, strings.NewReader(test.body))
			require.NoError(t, err)
			assert.Equal(t, http.StatusUnauthorized, status(t, req, bearer), "%s %s", test.method, test.url)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, host("model-a")+"/evaluate", strings.NewReader(evaluate))
	require.NoError(t, err)
	assert.NotEqual(t, http.StatusUnauthorized, status(t, req, token), "a good token lets in")
}

// The registry is for the cluster alone: the ingress does not lead to it.
func TestRegistryIsNotPublic(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host("registry")+"/params", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, status(t, req, token))
}

func status(t *testing.T, req *http.Request, bearer string) int {
	t.Helper()
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	return resp.StatusCode
}
