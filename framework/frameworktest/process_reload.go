package frameworktest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// testReload: params that change under load are picked up however they change,
// without a failed request or a mixed answer.
func testReload(t *testing.T, p *program) {
	t.Run("a file that is replaced", func(t *testing.T) {
		r := p.start(t)
		p.reload(t, r, func(b *params.Bundle) { WriteBundle(t, r.bundle, b) })
	})
	t.Run("a file that is written over", func(t *testing.T) {
		r := p.start(t)
		p.reload(t, r, func(b *params.Bundle) {
			text, err := b.Encode()
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(r.bundle, text, 0o600))
		})
	})
	t.Run("a mounted folder", func(t *testing.T) {
		folder := t.TempDir()
		mount(t, folder, p.name, p.Bundle)
		p.reload(t, p.start(t, "PARAMS_PATH="+folder), func(b *params.Bundle) { mount(t, folder, p.name, b) })
	})
}

func (p *program) reload(t *testing.T, r *process, put func(*params.Bundle)) {
	l := p.load(t, r.url, 4)
	for range 3 {
		put(p.Other)
		r.serves(p.other.Digest)
		l.more(20)
		put(p.Bundle)
		r.serves(p.doc.Digest)
		l.more(20)
	}
	l.end()
	require.Len(t, l.digests, 2, "both sets of params answered")
	r.stop()
}

// mount lays a bundle into a folder as Kubernetes does with a ConfigMap: the file
// is a link through ..data, a link that is changed at once.
func mount(t testing.TB, folder, name string, b *params.Bundle) {
	t.Helper()
	data, err := os.MkdirTemp(folder, "..version-")
	require.NoError(t, err)
	file := name + ".json"
	WriteBundle(t, filepath.Join(data, file), b)
	link := filepath.Join(folder, "..data_tmp")
	require.NoError(t, os.Symlink(filepath.Base(data), link))
	require.NoError(t, os.Rename(link, filepath.Join(folder, "..data")))
	if _, err := os.Lstat(filepath.Join(folder, file)); err != nil {
		require.NoError(t, os.Symlink(filepath.Join("..data", file), filepath.Join(folder, file)))
	}
}
