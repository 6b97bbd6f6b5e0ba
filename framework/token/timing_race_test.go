//go:build race

package token_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTiming runs the one without the race detector, which takes longer to watch a
// comparison than the comparison takes.
func TestTiming(t *testing.T) {
	out, err := exec.Command("go", "test", "-run=^TestTiming$", "-count=1", "-v", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestTiming")
}
