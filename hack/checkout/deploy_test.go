package checkout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who makes images for a registry of their own, and has it in the environment, can deploy
// to the cluster of this machine all the same: its images go to its own registry, and what
// was made for the other one stays.
func TestDeployLeavesProductionAlone(t *testing.T) {
	c := copyOf(t, "hack/deploy")
	for name, script := range map[string]string{
		"hack/images/run":      `echo "made for '$REGISTRY': $*"`,
		"hack/cluster/exec":    `echo "on the node: $*"`,
		"hack/cluster/kubectl": `echo "kubectl: $*"`,
	} {
		path := filepath.Join(c.root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("#!/usr/bin/env bash\n"+script+"\n"), 0o755)) //nolint:gosec // a program
	}
	for folder, registry := range map[string]string{"cluster": "registry.local:5000/modelfn", "images": "registry.example.com"} {
		file := filepath.Join(c.root, "out", folder, "images.json")
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		text := "{\n  \"console\": \"" + registry + "/console@sha256:" + strings.Repeat("0", 64) + "\"\n}\n"
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}

	c.env = append(c.env, "REGISTRY=registry.example.com")
	out, _, err := c.run(t, "hack/deploy")
	require.NoError(t, err)
	assert.Contains(t, out, "made for '': -out cluster\n")
	assert.Contains(t, out, "on the node: env REGISTRY=registry.local:5000/modelfn .cache/tools/images -out cluster\n")
	assert.Contains(t, out, "--images out/cluster/images.json")
	assert.NotContains(t, out, "registry.example.com")
	applied, err := os.ReadFile(filepath.Join(c.root, "out/deploy/kustomization.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(applied), "{name: registry.local:5000/modelfn/console, digest: ")
	assert.NotContains(t, string(applied), "registry.example.com")
}
