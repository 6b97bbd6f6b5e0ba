//go:build race

package predict_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAllocations runs the one without the race detector, which allocates.
func TestAllocations(t *testing.T) {
	out, err := exec.Command("go", "test", "-run=^TestAllocations$", "-count=1", "-v", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestAllocations")
}
