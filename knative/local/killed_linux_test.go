package local_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Not even kill -9 of the run leaves a program behind.
func TestKilledRunLeavesNoProgram(t *testing.T) {
	t.Parallel()
	cmd, _, pids := supervisor(t, "model-a", "stubborn")
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	for _, pid := range pids {
		require.Eventually(t, func() bool { return gone(pid) }, patience, time.Millisecond, "process %d is left", pid)
	}
}
