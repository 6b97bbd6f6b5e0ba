//go:build e2e

package e2e

import (
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every function is ready and predicts through the ingress what its program predicts
// on this machine, to the last bit.
func TestFunctionsPredictAsTheyDoLocally(t *testing.T) {
	trained(t)
	body := patients(t)
	files, err := filepath.Glob(root + "/functions/*/function.yaml")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		function := filepath.Base(filepath.Dir(file))
		t.Run(function, func(t *testing.T) {
			require.Equal(t, "True", field(t, "ksvc/"+function, `{.status.conditions[?(@.type=="Ready")].status}`))
			require.Equal(t, local(t, function, body), asked(t, host(function), body).body)
		})
	}
}

// Images are taken by their digest, so that a revision stays what it is.
func TestImagesAreNamedByDigest(t *testing.T) {
	for _, function := range append(models, "component-d", "registry") {
		image := field(t, "ksvc/"+function, "{.spec.template.spec.containers[0].image}")
		assert.Regexp(t, "@sha256:[0-9a-f]{64}$", image)
	}
}

// local returns what a model's program answers with the params that were trained.
func local(t *testing.T, model, body string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), root+"/bin/"+model) // ends with the test
	cmd.Env = []string{"HOST=127.0.0.1", "PORT=" + port, "ADMIN_PORT=0", "PARAMS_PATH=" + root + "/out/images/models"}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // it is killed
	eventually(t, "the local "+model, func() bool {
		resp, err := http.Get("http://" + address + "/health/ready")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return asked(t, "http://"+address, body).body
}
