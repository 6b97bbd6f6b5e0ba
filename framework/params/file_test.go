package params_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

func load(s params.Source) (params.Set, error) { return s.Load(context.Background(), nil) }

func TestFileFollowsTheContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bundle.json")
	one, two := document(t, "model-a", 1, nil, `{"w":1}`), document(t, "model-a", 2, nil, `{"w":2}`)
	s := params.NewFile(path, "model-a")
	version := func() int64 {
		t.Helper()
		set, err := load(s)
		require.NoError(t, err)
		return set.Version
	}

	_, err := load(s)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Equal(t, fault.Internal, fault.From(err).Kind, "a file that is away says nothing about the set")

	write(t, path, encode(t, one))
	assert.Equal(t, int64(1), version())
	write(t, path, encode(t, two))
	assert.Equal(t, int64(2), version(), "written over")

	info, err := os.Stat(path)
	require.NoError(t, err)
	same := encode(t, one)
	require.Len(t, same, int(info.Size()))
	write(t, path, same)
	require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	assert.Equal(t, int64(1), version(), "of the same size and time, with another content")

	write(t, path, same[:len(same)/2])
	_, err = load(s)
	require.ErrorContains(t, err, "bundle "+path+": ")
	f := fault.From(err)
	assert.Equal(t, fault.Invalid, f.Kind, "half written")
	assert.NotContains(t, f.Public(), path, "callers are not told where it is")
	_, again := load(s)
	assert.Same(t, err, again, "what was read before is not parsed again")

	write(t, path, same)
	assert.Equal(t, int64(1), version(), "written to the end")

	require.NoError(t, os.Remove(path))
	_, err = load(s)
	require.ErrorIs(t, err, fs.ErrNotExist, "gone")

	temporary := path + ".new"
	write(t, temporary, encode(t, two))
	require.NoError(t, os.Rename(temporary, path))
	assert.Equal(t, int64(2), version(), "back, by a rename")
}

// TestFileInAKubernetesVolume swaps a symlink as a ConfigMap's volume does.
func TestFileInAKubernetesVolume(t *testing.T) {
	dir := t.TempDir()
	publish := func(name string, d params.Document) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		write(t, filepath.Join(dir, name, "model-a.json"), encode(t, d))
		require.NoError(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	publish("..2025_03_01", document(t, "model-a", 1, nil, `{"w":1}`))
	require.NoError(t, os.Symlink(filepath.Join("..data", "model-a.json"), filepath.Join(dir, "model-a.json")))

	for _, path := range []string{dir, filepath.Join(dir, "model-a.json")} {
		s := params.NewFile(path, "model-a")
		_, err := load(s)
		require.NoError(t, err)
	}
	s := params.NewFile(dir, "model-a")
	set, err := load(s)
	require.NoError(t, err)
	assert.Equal(t, int64(1), set.Version)
	publish("..2025_03_02", document(t, "model-a", 2, nil, `{"w":2}`))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "..2025_03_01")))
	set, err = load(s)
	require.NoError(t, err)
	assert.Equal(t, int64(2), set.Version)
}

func TestFileRefuses(t *testing.T) {
	dir := t.TempDir()
	d := document(t, "component-d", 3, nil, `{}`)
	write(t, filepath.Join(dir, "model-a.json"), encode(t, document(t, "model-b", 1, nil, `{}`)))
	write(t, filepath.Join(dir, "model-c.json"), encode(t, document(t, "model-c", 1, pins(d), `{}`)))

	_, err := load(params.NewFile(dir, "model-a"))
	require.EqualError(t, err, "bundle "+filepath.Join(dir, "model-a.json")+": documents: no document of model-a", "the file is named, not its folder")
	_, err = load(params.NewFile(dir, "model-c"))
	require.ErrorContains(t, err, "model-c requires component-d version 3")
	_, err = load(params.NewFile(dir, "model-x"))
	require.ErrorContains(t, err, "model-x.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bundle.json")
	var bundles [][]byte
	for v := range int64(5) {
		bundles = append(bundles, encode(t, document(t, "model-a", v+1, nil, `{"w":1}`)))
	}
	write(t, path, bundles[0])
	s := params.NewFile(path, "model-a")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				if set, err := load(s); err != nil || set.Check() != nil {
					t.Error(set.Version, err)
				}
			}
		})
	}
	for i := range 100 {
		write(t, path+".new", bundles[i%5])
		require.NoError(t, os.Rename(path+".new", path))
	}
	all.Wait()
}

var otherHex = strings.Repeat("0", 64)

func TestOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bundle.json")
	write(t, path, encode(t, document(t, "model-a", 7, nil, `{}`)))
	s := params.NewFile(path, "model-a")

	set, err := load(params.Only(s, params.Pin{}))
	require.NoError(t, err)
	for _, pin := range []params.Pin{{Version: 7}, {Version: 7, Digest: set.Digest}} {
		again, err := load(params.Only(s, pin))
		require.NoError(t, err)
		assert.Equal(t, set, again)
	}
	for want, pin := range map[string]params.Pin{
		"version 8 of model-a is pinned, but there is version 7":                                 {Version: 8, Digest: set.Digest},
		"model-a version 7 has digest " + set.Digest + ", but sha256:" + otherHex + " is pinned": {Version: 7, Digest: "sha256:" + otherHex},
	} {
		_, err := load(params.Only(s, pin))
		require.EqualError(t, err, want)
		assert.Equal(t, fault.Internal, fault.From(err).Kind)
	}
	_, err = load(params.Only(params.NewFile(path+".none", "model-a"), params.Pin{Version: 8}))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// within is how long a test waits for what has to happen.
const within = time.Minute
