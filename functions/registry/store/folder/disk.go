package folder

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// disk is every call that the folder makes to a file system, one method a call, so
// that a test can end the world between any two of them. Names are relative to the
// folder, with slashes.
type disk interface {
	Mkdir(name string) error
	Create(name string) (file, error) // for writing, if it does not exist
	Link(name, as string) error       // fails if as exists
	Remove(name string) error
	SyncDir(name string) error // makes the names in a folder durable
	ReadFile(name string) ([]byte, error)
	ReadDir(name string) ([]entry, error)
	Close() error
}

type file interface {
	io.WriteCloser
	Sync() error
}

type entry struct {
	name     string
	dir      bool
	modified time.Time
}

// osDisk is the operating system's. No name leads out of the root, not even over a
// symbolic link.
type osDisk struct{ root *os.Root }

// newOSDisk makes the folder if need be.
func newOSDisk(path string) (*osDisk, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := makeDurable(path); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &osDisk{root}, nil
}

// makeDurable makes a folder and all above it that are missing, and syncs what it
// made.
func makeDurable(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	if !os.IsNotExist(err) {
		return err
	}
	parent := filepath.Dir(path)
	if err := makeDurable(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o777); err != nil && !os.IsExist(err) {
		return err
	}
	return syncDir(os.Open(parent))
}

func (d *osDisk) Mkdir(name string) error              { return d.root.Mkdir(name, 0o777) }
func (d *osDisk) Link(name, as string) error           { return d.root.Link(name, as) }
func (d *osDisk) Remove(name string) error             { return d.root.Remove(name) }
func (d *osDisk) SyncDir(name string) error            { return syncDir(d.root.Open(name)) }
func (d *osDisk) Close() error                         { return d.root.Close() }
func (d *osDisk) ReadFile(name string) ([]byte, error) { return d.root.ReadFile(name) }

func (d *osDisk) Create(name string) (file, error) {
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

func (d *osDisk) ReadDir(name string) ([]entry, error) {
	dir, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	infos, err := dir.Readdir(-1)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(infos))
	for i, info := range infos {
		entries[i] = entry{info.Name(), info.IsDir(), info.ModTime()}
	}
	return entries, nil
}

func syncDir(dir *os.File, err error) error {
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
