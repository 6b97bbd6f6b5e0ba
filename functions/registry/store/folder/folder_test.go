package folder

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/storetest"
)

func mustOpen(t *testing.T, path string) *Folder {
	t.Helper()
	f, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func TestFolder(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Objects {
		path := filepath.Join(t.TempDir(), "not", "there", "yet")
		return func() store.Objects { return mustOpen(t, path) }
	})
}

func TestOpenSweepsOldTemporaryFiles(t *testing.T) {
	path := t.TempDir()
	require.NoError(t, mustOpen(t, path).Create(t.Context(), "params/model-a/1", nil))
	left := filepath.Join(path, temporary)
	for name, age := range map[string]time.Duration{"old": 2 * leftOver, "new": leftOver / 2} {
		require.NoError(t, os.WriteFile(filepath.Join(left, name), nil, 0o600))
		written := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(filepath.Join(left, name), written, written))
	}
	mustOpen(t, path)
	entries, err := os.ReadDir(left)
	require.NoError(t, err)
	require.Len(t, entries, 1, "a write leaves nothing, and the sweep only what is new")
	require.Equal(t, "new", entries[0].Name())
}

// TestNoWayOut: even a symbolic link that somebody put into the folder leads
// nowhere.
func TestNoWayOut(t *testing.T) {
	outside, path := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "0000000001"), []byte("secret"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(path, "params"), 0o700))
	require.NoError(t, os.Symlink(outside, filepath.Join(path, "params", "model-a")))
	f := mustOpen(t, path)
	for key, want := range map[string]error{
		"params/model-a/0000000001":                      store.ErrUnavailable,
		"../" + filepath.Base(outside) + "/0000000001":   store.ErrInvalid,
		outside + "/0000000001":                          store.ErrInvalid,
		"params/../../" + filepath.Base(outside) + "/00": store.ErrInvalid,
	} {
		_, err := f.Get(t.Context(), key)
		require.ErrorIs(t, err, want, key)
		require.ErrorIs(t, f.Create(t.Context(), key+"x", nil), want, key)
	}
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestOpenNeedsAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for _, path := range []string{path, filepath.Join(path, "below")} {
		_, err := Open(path)
		require.Error(t, err)
	}
}

func TestClosed(t *testing.T) {
	f := mustOpen(t, t.TempDir())
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() { assert.NoError(t, f.Close()) })
	}
	group.Wait()
	require.ErrorIs(t, f.Create(t.Context(), "params/model-a/1", nil), store.ErrUnavailable)
}
