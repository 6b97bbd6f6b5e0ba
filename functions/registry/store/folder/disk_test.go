package folder

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"path"
	"strings"
	"sync"
	"time"
)

// testDisk is a disk in memory that keeps apart what was written and what was
// synced. It counts the calls made to it, and can stop for good before any of them,
// as when the power goes; after says then what the next start finds.
type testDisk struct {
	mu      sync.Mutex // guards what follows, and all nodes
	top     *node
	calls   int
	stopped bool

	// before is called with the number of each call, from 1 on, and its name, before
	// the call is made; after, when it was. Each may stop the disk, or return an
	// error that the caller gets instead of its result. nil does nothing.
	before, after func(call int, name string) error
}

// node is a file or a folder. What a crash leaves of it for certain is what was
// synced.
type node struct {
	dir            bool
	names, durable map[string]*node // of a folder
	data, synced   []byte           // of a file
	modified       time.Time
}

var (
	errPower = errors.New("the power is gone")
	_        = disk((*testDisk)(nil))
)

func newTestDisk() *testDisk { return &testDisk{top: newFolder()} }

func newFolder() *node {
	return &node{dir: true, names: map[string]*node{}, durable: map[string]*node{}}
}

// stop ends the world.
func (d *testDisk) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
}

func (d *testDisk) isStopped() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopped
}

// call counts a call and makes it. torn, if not nil, is what is done of it if the
// disk stops at this very call.
func (d *testDisk) call(name string, do func() error, torn func()) error {
	d.mu.Lock()
	stoppedBefore := d.stopped
	d.calls++
	number := d.calls
	d.mu.Unlock()
	if d.before != nil {
		if err := d.before(number, name); err != nil {
			return err
		}
	}
	d.mu.Lock()
	if d.stopped {
		if torn != nil && !stoppedBefore {
			torn()
		}
		d.mu.Unlock()
		return errPower
	}
	err := do()
	d.mu.Unlock()
	if err == nil && d.after != nil {
		err = d.after(number, name)
	}
	return err
}

// find returns a node, or nil. The caller holds the lock.
func (d *testDisk) find(name string) *node {
	n := d.top
	for part := range strings.SplitSeq(name, "/") {
		if part != "." && n != nil {
			n = n.names[part]
		}
	}
	return n
}

// add gives a node a name that must be free.
func (d *testDisk) add(name string, n *node) error {
	folder := d.find(path.Dir(name))
	if folder == nil {
		return fs.ErrNotExist
	}
	if folder.names[path.Base(name)] != nil {
		return fs.ErrExist
	}
	folder.names[path.Base(name)] = n
	return nil
}

func (d *testDisk) Mkdir(name string) error {
	return d.call("Mkdir", func() error { return d.add(name, newFolder()) }, nil)
}

func (d *testDisk) Create(name string) (file, error) {
	n := &node{modified: time.Now()}
	return &testFile{d, n}, d.call("Create", func() error { return d.add(name, n) }, nil)
}

func (d *testDisk) Link(name, as string) error {
	return d.call("Link", func() error {
		n := d.find(name)
		if n == nil {
			return fs.ErrNotExist
		}
		return d.add(as, n)
	}, nil)
}

func (d *testDisk) Remove(name string) error {
	return d.call("Remove", func() error {
		if d.find(name) == nil {
			return fs.ErrNotExist
		}
		delete(d.find(path.Dir(name)).names, path.Base(name))
		return nil
	}, nil)
}

func (d *testDisk) SyncDir(name string) error {
	return d.call("SyncDir", func() error {
		n := d.find(name)
		if n == nil {
			return fs.ErrNotExist
		}
		n.durable = maps.Clone(n.names)
		return nil
	}, nil)
}

func (d *testDisk) ReadFile(name string) (data []byte, err error) {
	err = d.call("ReadFile", func() error {
		n := d.find(name)
		if n == nil {
			return fs.ErrNotExist
		}
		data = bytes.Clone(n.data)
		return nil
	}, nil)
	return data, err
}

func (d *testDisk) ReadDir(name string) (entries []entry, err error) {
	err = d.call("ReadDir", func() error {
		n := d.find(name)
		if n == nil {
			return fs.ErrNotExist
		}
		for name, below := range n.names {
			entries = append(entries, entry{name, below.dir, below.modified})
		}
		return nil
	}, nil)
	return entries, err
}

func (d *testDisk) Close() error { return nil }

type testFile struct {
	disk *testDisk
	node *node
}

func (f *testFile) Write(data []byte) (int, error) {
	write := func(data []byte) { f.node.data = append(f.node.data, data...) }
	err := f.disk.call("Write", func() error { write(data); return nil }, func() { write(data[:len(data)/2]) })
	return len(data), err
}

func (f *testFile) Sync() error {
	return f.disk.call("Sync", func() error { f.node.synced = bytes.Clone(f.node.data); return nil }, nil)
}

func (f *testFile) Close() error {
	return f.disk.call("Close", func() error { return nil }, nil)
}

// restart returns the disk as the next start finds it. What was synced is there;
// for each thing that was not, survives says whether it is there all the same.
// Content that was not synced survives as a part of it, or as zeros.
func (d *testDisk) restart(survives func() bool) *testDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	done := map[*node]*node{}
	return &testDisk{top: d.top.restart(survives, done)}
}

func (n *node) restart(survives func() bool, done map[*node]*node) *node {
	if done[n] != nil {
		return done[n] // a file with two names is one file
	}
	after := newFolder()
	done[n] = after
	if !n.dir {
		*after = node{modified: n.modified, synced: n.synced}
		if !bytes.Equal(n.data, n.synced) && survives() {
			after.synced = n.data[:len(n.data)*2/3]
			if survives() {
				after.synced = make([]byte, len(n.data))
			}
		}
		after.data = bytes.Clone(after.synced)
		return after
	}
	both := maps.Clone(n.durable)
	maps.Copy(both, n.names)
	for name := range both {
		kept := n.durable[name]
		if n.names[name] != kept && survives() {
			kept = n.names[name]
		}
		if kept != nil {
			after.names[name] = kept.restart(survives, done)
			after.durable[name] = after.names[name]
		}
	}
	return after
}
