package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A program that was ready before and hangs when it is started again is ended, as one
// that never was ready.
func TestProgramThatHangsLater(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "never-ready")
	require.NoError(t, os.Symlink(self, program))
	log, err := openLog(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	port, err := reservePort()
	require.NoError(t, err)
	starter := newStarter()
	defer starter.close()
	k := &keeper{
		program: program, env: []string{fmt.Sprint("PORT=", port.number)}, url: fmt.Sprint("http://127.0.0.1:", port.number),
		port: port, log: log, list: newList(nil), starter: starter, notices: &notices{},
		startTimeout: 300 * time.Millisecond, grace: time.Minute, ready: make(chan struct{}),
	}
	defer k.close()
	close(k.ready) // as it was before
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.EqualError(t, k.run(ctx), "not ready within 300ms")
}
