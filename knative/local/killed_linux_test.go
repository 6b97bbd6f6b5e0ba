package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Not even kill -9 of the run leaves a program behind, nor one that was being asked
// what it is.
func TestKilledRunLeavesNoProgram(t *testing.T) {
	t.Parallel()
	models := []string{"model-a", "stubborn"}
	cmd, _, pids := supervisor(t, models...)
	folder := filepath.Dir(cmd.Path)
	for _, model := range models { // how long one may think about it is the run's to say
		asked := func() bool { _, err := os.Stat(filepath.Join(folder, model+wasAsked)); return err == nil }
		require.Eventually(t, asked, patience, time.Millisecond, "%s is asked to describe itself", model)
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	for _, pid := range pids {
		require.Eventually(t, func() bool { return gone(pid) }, patience, time.Millisecond, "process %d is left", pid)
	}
	require.Eventually(t, func() bool { return len(commands(t, folder)) == 0 }, patience, time.Millisecond)
}

// commands are those under way whose programs lie in a folder.
func commands(t *testing.T, folder string) (list []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(text), folder) { // it may have ended
			list = append(list, string(text))
		}
	}
	return list
}
