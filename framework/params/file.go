package params

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// File is a source that reads a bundle from a file. Each load looks at the
// content, not at times or names: a file that was replaced, written over, or that
// a symlink now leads to is found all the same.
type File struct {
	path  string
	model string

	mu  sync.Mutex
	sum [sha256.Size]byte // of the content that set and err come from
	set Set
	err error
}

// NewFile returns a source for the bundle of a model at path, or, if path is a
// folder, at <path>/<model>.json.
func NewFile(path, model string) *File { return &File{path: path, model: model} }

// Load reads the file. A content that was read before is not parsed again.
func (f *File) Load(context.Context, *Set) (Set, error) {
	path, data, err := f.read()
	if err != nil {
		return Set{}, fmt.Errorf("reading params: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if sum := sha256.Sum256(data); sum != f.sum {
		f.set, f.err = parseSet(data, f.model)
		if f.err != nil {
			f.err = fmt.Errorf("bundle %s: %w", path, f.err)
		}
		f.sum = sum
	}
	return f.set, f.err
}

func (f *File) read() (path string, data []byte, err error) {
	path = f.path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, f.model+".json")
	}
	data, err = os.ReadFile(path)
	return path, data, err
}

func parseSet(data []byte, model string) (Set, error) {
	bundle, err := ParseBundle(data)
	if err != nil {
		return Set{}, err
	}
	return bundle.Set(model)
}

// NewBaked returns a source that always gives what a bundle holds for a model.
func NewBaked(bundle []byte, model string) Source {
	set, err := parseSet(bundle, model)
	if err != nil {
		err = fmt.Errorf("the program's own bundle: %w", err)
	}
	return baked{set, err}
}

type baked struct {
	set Set
	err error
}

func (b baked) Load(context.Context, *Set) (Set, error) { return b.set, b.err }

// Only returns a source that gives what another one has if it is what is pinned; any
// if the pin's version is 0.
func Only(s Source, pin Pin) Source {
	if pin.Version == 0 {
		return s
	}
	return only{s, pin}
}

type only struct {
	Source
	pin Pin
}

func (o only) Load(ctx context.Context, have *Set) (Set, error) {
	set, err := o.Source.Load(ctx, have)
	if err == nil {
		err = o.pin.check(&set.Document)
	}
	return set, err
}
