// Package web is the page: a React app below src, which the build puts into dist, and
// what serves it.
//
// What dist holds is part of the program. In a checkout where it was not built a page
// from dist-missing takes its place, which says how to build it; so the program can be
// built without Node.
//
// What lies in assets bears a hash in its name, and browsers keep it for ever; they
// ask for the rest each time, and get 304 while it is the same. An answer is
// compressed, by Brotli where the build laid a .br beside the file, else by gzip once.
//
// A [Page] is safe for concurrent use. Test it with files of [testing/fstest.MapFS].
package web

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// The pattern matches dist-missing, and dist where that is there.
//
//go:embed all:dist*
var folders embed.FS

// Embedded returns the page that is part of the program.
var Embedded = sync.OnceValue(func() *Page {
	for _, folder := range []string{"dist", "dist-missing"} {
		files, err := fs.Sub(folders, folder)
		if err != nil {
			panic(err) // the name is one
		}
		p, err := New(files)
		if err == nil {
			return p
		}
		if !errors.Is(err, fs.ErrNotExist) {
			panic(err) // what is embedded can be read
		}
	}
	panic("the page is not there") // the build needs dist-missing
})

// index is the page's own file.
const index = "index.html"

// Page serves the files of a folder. Make one with [New].
type Page struct {
	files map[string]*file // by path from the root, without a slash at its begin
}

// New returns a page of files. It fails with [fs.ErrNotExist] if there is no
// index.html among them.
func New(files fs.FS) (*Page, error) {
	p := &Page{files: map[string]*file{}}
	packed := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if plain, ok := strings.CutSuffix(name, ".br"); ok {
			packed[plain] = content
			return nil
		}
		p.files[name] = newFile(name, content)
		return nil
	})
	if err == nil && p.files[index] == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("the page's %s: %w", index, err)
	}
	for name, content := range packed {
		if f := p.files[name]; f != nil {
			f.brotli = content
		}
	}
	return p, nil
}

// Has reports whether a file of the page answers a path. The index does at / alone.
func (p *Page) Has(urlPath string) bool { return p.at(urlPath) != nil }

func (p *Page) at(urlPath string) *file {
	name, ok := strings.CutPrefix(urlPath, "/")
	switch {
	case !ok || name == index:
		return nil
	case name == "":
		return p.files[index]
	case name != path.Clean(name):
		return nil
	}
	return p.files[name]
}
