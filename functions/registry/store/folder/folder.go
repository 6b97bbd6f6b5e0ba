// Package folder keeps a store's objects in a folder of a file system with hard
// links. It is for one machine; several processes may share the folder.
//
// # What survives
//
// Everything acknowledged survives the end of the process and of the machine, at
// any moment, if the disk keeps what it was told to sync:
//
//   - An object is written to a temporary file, which is synced, and then linked to
//     its name. The link fails if the name exists, and what gets a name is whole.
//   - The folder is synced before the write is acknowledged, and so are those above
//     it when they are new.
//   - A reader syncs the folder as well before it tells what it read: it may have
//     come between the link and the writer's sync. On a folder where nothing changed
//     that takes microseconds.
//
// If a sync fails, the write is not acknowledged, and the read not answered. A later sync of the same folder
// may then be believed: journaling file systems stop when they cannot write names.
// For content they give no such promise, so another attempt takes a new file.
//
// # What is left over
//
// A writer that was cut short leaves a temporary file. Nothing reads them; those
// older than an hour are removed by [Open].
//
// # Concurrency
//
// A [Folder] is safe for concurrent use. The calls of a file system cannot be
// interrupted; when a context ends, the call is left to itself. At most 64 of them
// are under way at once.
//
// # Testing
//
// All that is asked of the operating system goes through one small interface. The
// tests put a disk behind it that loses what was not synced, fails, fills up and
// stops at each single call.
package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"time"

	"github.com/modelfn/modelfn/functions/registry/store"
)

const (
	// temporary is the folder for files that are being written. No key begins so.
	temporary = ".tmp"

	// leftOver is when a temporary file is nobody's any more.
	leftOver = time.Hour

	// atOnce bounds the calls under way, each of which takes a thread.
	atOnce = 64
)

// Folder keeps objects as files. It implements [store.Objects].
type Folder struct {
	disk  disk
	slots chan struct{} // holds one for each call under way

	closing sync.Mutex // held by Close, which takes all slots

	mu   sync.Mutex      // guards made
	made map[string]bool // folders that are there for good
}

var _ store.Objects = (*Folder)(nil)

// Open returns the folder at a path, which it makes if need be.
func Open(path string) (*Folder, error) {
	disk, err := newOSDisk(path)
	if err != nil {
		return nil, fmt.Errorf("opening the folder %s: %w", path, err)
	}
	return open(disk), nil
}

func open(disk disk) *Folder {
	f := &Folder{disk: disk, slots: make(chan struct{}, atOnce), made: map[string]bool{".": true}}
	f.sweep(time.Now().Add(-leftOver))
	return f
}

// Close waits for the calls under way. Calls after it fail.
func (f *Folder) Close() error {
	f.closing.Lock()
	defer f.closing.Unlock()
	for range atOnce {
		f.slots <- struct{}{}
	}
	defer func() {
		for range atOnce {
			<-f.slots
		}
	}()
	return f.disk.Close()
}

// Create implements [store.Objects].
func (f *Folder) Create(ctx context.Context, key string, data []byte) error {
	_, err := run(ctx, f, key, func() (struct{}, error) { return struct{}{}, f.create(key, data) })
	return err
}

func (f *Folder) create(key string, data []byte) error {
	folder := path.Dir(key)
	if err := f.makeAll(temporary); err != nil {
		return err
	}
	if err := f.makeAll(folder); err != nil {
		return err
	}
	name := temporary + "/" + rand.Text()
	// Its name is of no use once the object has its own; if that fails too, it is
	// swept later.
	defer f.disk.Remove(name) //nolint:errcheck // said above
	if err := f.write(name, data); err != nil {
		return err
	}
	err := f.disk.Link(name, key)
	if errors.Is(err, fs.ErrExist) {
		return store.ErrExists
	}
	if err != nil {
		return err
	}
	return f.disk.SyncDir(folder)
}

// write makes a file whose content is durable.
func (f *Folder) write(name string, data []byte) error {
	file, err := f.disk.Create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// makeAll makes a folder and those above it. One that exists is synced all the
// same: who made it may not have come to that.
func (f *Folder) makeAll(folder string) error {
	f.mu.Lock()
	made := f.made[folder]
	f.mu.Unlock()
	if made {
		return nil
	}
	parent := path.Dir(folder)
	if err := f.makeAll(parent); err != nil {
		return err
	}
	if err := f.disk.Mkdir(folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := f.disk.SyncDir(parent); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made[folder] = true
	return nil
}

// Get implements [store.Objects].
func (f *Folder) Get(ctx context.Context, key string) ([]byte, error) {
	return run(ctx, f, key, func() ([]byte, error) {
		data, err := f.disk.ReadFile(key)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, store.ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		return data, f.disk.SyncDir(path.Dir(key))
	})
}

// List implements [store.Objects].
func (f *Folder) List(ctx context.Context, folder string) ([]string, error) {
	entries, err := run(ctx, f, folder, func() ([]entry, error) { return f.disk.ReadDir(folder) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.dir {
			names = append(names, e.name)
		}
	}
	return names, nil
}

// sweep removes temporary files that were last written before a time. It does what
// it can: a folder that cannot be written can be read.
func (f *Folder) sweep(before time.Time) {
	entries, err := f.disk.ReadDir(temporary)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.modified.Before(before) {
			_ = f.disk.Remove(temporary + "/" + e.name)
		}
	}
}

// run makes calls to the disk about a name, and returns when they or ctx end.
func run[T any](ctx context.Context, f *Folder, name string, calls func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if !fs.ValidPath(name) {
		return none, fmt.Errorf("%w: %q leads out of the folder", store.ErrInvalid, name)
	}
	if ctx.Err() != nil {
		return none, store.Unavailable(context.Cause(ctx))
	}
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return none, store.Unavailable(context.Cause(ctx))
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-f.slots }()
		value, err := calls()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return none, kind(r.err)
		}
		return r.value, nil
	case <-ctx.Done():
		return none, store.Unavailable(context.Cause(ctx))
	}
}

// kind makes an error of the file system one of the store's.
func kind(err error) error {
	if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) {
		return err
	}
	return store.Unavailable(err)
}
