//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	documents "github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// A deploy that fails names the cause, and so does the status while it lasts; the
// revision that runs keeps the traffic, and answers.
func TestFailuresNameTheirCause(t *testing.T) {
	good := deploy(t, "model-c", "scale: {min: 1}")
	current, err := registryClient(t).Current(t.Context(), "model-c")
	require.NoError(t, err)
	alone := registry.Change{Params: current.Params, Requires: map[string]documents.Pin{}} // without component D
	unfit, err := registryClient(t).Put(t.Context(), "model-c", alone, registry.Options{Hold: true})
	require.NoError(t, err)
	tests := map[string]struct {
		image string
		lines []string
		want  string
	}{
		"no image":        {image: "registry.local:5000/modelfn/no-such-image", want: "the image registry.local:5000/modelfn/no-such-image is not found"},
		"a crash":         {lines: []string{"env: {LOG_LEVEL: nonsense}"}, want: "the program ends with exit code 1: model-c: settings: LOG_LEVEL: "},
		"no such version": {lines: []string{"params: {version: 987654}"}, want: "model-c has no version 987654"},
		"params unfit":    {lines: []string{fmt.Sprintf("params: {version: %d}", unfit.Version)}, want: "the params do not fit: params: building the model: the params do not require component-d"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			images := "out/cluster/images.json"
			if tt.image != "" {
				images = filepath.Join(t.TempDir(), "images.json")
				require.NoError(t, os.WriteFile(images, []byte(`{"model-c":"`+tt.image+`"}`), 0o600))
			}
			lines := append([]string{"scale: {min: 1}"}, tt.lines...)
			cmd := exec.Command("bin/modelfn", "deploy", "--file", changed(t, "model-c", lines...), "--images", images, "--timeout", "25s")
			cmd.Dir = root
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			var exit *exec.ExitError
			require.ErrorAs(t, cmd.Run(), &exit, stderr.String())
			assert.Equal(t, 1, exit.ExitCode())
			said := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			last := said[len(said)-1]
			t.Log(last)
			assert.Contains(t, last, tt.want)
			assert.Contains(t, last, "; the traffic stays as it was, 100 % "+good)

			status := run(t, "", "bin/modelfn", "status", "model-c")
			assert.Contains(t, status, tt.want)
			assert.Regexp(t, good+" +yes +100 %", status)
			for range 20 {
				require.Equal(t, good, asked(t, host("model-c"), patient).revision)
			}
		})
	}
}
