package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A write of params may take a little longer; a prediction may not.
func TestRegistryYieldsToModels(t *testing.T) {
	t.Parallel()
	run := start(t, withRegistry(t, 1, "model-a"))
	for _, i := range run.Instances() {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", i.PID))
		require.NoError(t, err)
		require.NotEmpty(t, threads)
		for _, thread := range threads {
			if got := niceness(t, thread); i.Model == "" {
				assert.GreaterOrEqual(t, got, 10, "%s: %s", i.Name, thread)
			} else {
				assert.Equal(t, niceness(t, "/proc/self/stat"), got, "%s: %s", i.Name, thread)
			}
		}
	}
}

// niceness is that of a thread, which the kernel tells in the 19th field of its file.
func niceness(t *testing.T, stat string) int {
	t.Helper()
	text, err := os.ReadFile(stat)
	require.NoError(t, err)
	afterName := string(text[strings.LastIndexByte(string(text), ')')+2:])
	n, err := strconv.Atoi(strings.Fields(afterName)[16])
	require.NoError(t, err)
	return n
}
