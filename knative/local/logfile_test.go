package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLogFileIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.log")
	l, err := openLog(path)
	require.NoError(t, err)
	chunk := []byte(strings.Repeat("x", 1<<20-1) + "\n")
	for range 20 {
		_, err := l.Write(chunk)
		require.NoError(t, err)
	}
	_, err = l.Write([]byte("second\nlast\n"))
	require.NoError(t, err)
	assert.Equal(t, []string{"second", "last"}, l.tail(2))
	l.Close()
	l.Close()
	for _, p := range []string{path, path + ".1"} {
		info, err := os.Stat(p)
		require.NoError(t, err)
		assert.LessOrEqual(t, info.Size(), int64(logLimit), p)
		assert.Positive(t, info.Size(), p)
	}

	l, err = openLog(path)
	require.NoError(t, err)
	assert.Nil(t, l.tail(3), "the tail is of this run")
	_, err = l.Write([]byte("again\n"))
	require.NoError(t, err)
	l.Close()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(string(text), "last\nagain\n"), "a log goes on where it was")
}

// A log that cannot be written does not stop the program that writes to it.
func TestLogFileThatFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gone", "a.log")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o755))
	l, err := openLog(path)
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, os.RemoveAll(filepath.Dir(path)))
	chunk := make([]byte, logLimit)
	for range 3 {
		n, err := l.Write(chunk)
		require.NoError(t, err)
		require.Len(t, chunk, n)
	}
	_, err = openLog(path)
	require.Error(t, err)
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var b backoff
	for _, want := range []int{100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000} {
		require.Equal(t, time.Duration(want)*time.Millisecond, b.next(time.Second))
	}
	require.Equal(t, 100*time.Millisecond, b.next(time.Hour), "it ran well")
	require.Equal(t, 200*time.Millisecond, b.next(0))
}

// A reserved port is given to nobody else, and refuses until its owner listens.
func TestPortsAreApart(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		p, err := reservePort()
		require.NoError(t, err)
		defer p.release()
		require.False(t, seen[p.number], "port %d twice", p.number)
		seen[p.number] = true
	}
}
