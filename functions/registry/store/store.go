package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Every error of this package and of all [Objects] wraps one of these.
var (
	// ErrInvalid says that the request can never succeed: the name is none, or the
	// data is too big.
	ErrInvalid = errors.New("not possible")

	// ErrNotFound says that there is no such version or object.
	ErrNotFound = errors.New("not found")

	// ErrExists says that an object was not created because there is one.
	ErrExists = errors.New("it exists")

	// ErrConflict says that a version was not appended because it is not the next
	// one: somebody else wrote it, or the one before it is not there.
	ErrConflict = errors.New("not the next version")

	// ErrDamaged says that what is stored is not what was written.
	ErrDamaged = errors.New("damaged")

	// ErrUnavailable says that the folder or bucket did not do what it was asked
	// for, or not in time. A write may have got through all the same.
	ErrUnavailable = errors.New("the store is not available")
)

// Unavailable returns an error that wraps [ErrUnavailable] and its cause.
func Unavailable(cause error) error { return fmt.Errorf("%w: %w", ErrUnavailable, cause) }

// Objects is what a [Store] stands on: immutable objects by key. Keys are labels
// with slashes between; the last part is a number. An implementation is safe for
// concurrent use, and keeps to its context: it returns soon after that ends, whatever
// becomes of the call.
type Objects interface {
	// Create stores an object for good, or returns an error that wraps [ErrExists]
	// if there is one under this key. After any other error the object may be there,
	// whole, now or later; it is never there in part.
	Create(ctx context.Context, key string, data []byte) error

	// Get returns an object, or an error that wraps [ErrNotFound] if it is certain
	// that there is none. What it returned once is there for good.
	Get(ctx context.Context, key string) ([]byte, error)

	// List returns the names of the folders right below a folder, in any order. One
	// that holds no object may be among them.
	List(ctx context.Context, folder string) ([]string, error)
}

// Store keeps logs of versions.
type Store struct {
	objects Objects

	mu    sync.Mutex       // guards heads
	heads map[string]int64 // the highest version of a log that is known to exist
}

// New returns a store of logs in objects.
func New(objects Objects) *Store {
	return &Store{objects: objects, heads: map[string]int64{}}
}

// Attempts to write one version, and the pause after the first; it doubles.
const (
	attempts = 4
	pause    = 50 * time.Millisecond
)

// Append stores data, at most [MaxSize] bytes, as a version of a log, for good. The
// version must be the one after the newest, or the error wraps [ErrConflict].
//
// If the error wraps [ErrUnavailable], the version may have been written or may
// still be: only reading it tells. A write is tried four times, so one that fails for
// less than a third of a second is not noticed.
func (s *Store) Append(ctx context.Context, name string, version int64, data []byte) error {
	if err := s.append(ctx, name, version, data); err != nil {
		return fmt.Errorf("appending version %d to %s: %w", version, name, err)
	}
	return nil
}

func (s *Store) append(ctx context.Context, name string, version int64, data []byte) error {
	folder, err := folderOf(name)
	if err != nil {
		return err
	}
	if len(data) > MaxSize {
		return fmt.Errorf("%w: %d bytes are over %d", ErrInvalid, len(data), MaxSize)
	}
	if err := ctx.Err(); err != nil {
		return Unavailable(err)
	}
	head := s.known(name)
	if head < version-1 {
		if head, err = s.head(ctx, name, folder); err != nil {
			return err
		}
	}
	if version != head+1 || version > maxVersion {
		return fmt.Errorf("%w: %d is the newest", ErrConflict, head)
	}
	err = s.create(ctx, key(folder, version), data)
	if err == nil || errors.Is(err, ErrConflict) {
		s.learn(name, version)
	}
	return err
}

// create writes an object until it is known what became of it.
func (s *Store) create(ctx context.Context, key string, data []byte) error {
	id := newID()
	object := seal(id, data)
	for attempt := 1; ; attempt++ {
		err := s.objects.Create(ctx, key, object)
		if errors.Is(err, ErrExists) {
			err = s.mine(ctx, key, id)
		}
		if !errors.Is(err, ErrUnavailable) || attempt == attempts {
			return err
		}
		select {
		case <-time.After(pause << (attempt - 1)):
		case <-ctx.Done():
			return err
		}
	}
}

// mine returns nil if the object was written with the id: an attempt of which that
// was not known had got through.
func (s *Store) mine(ctx context.Context, key, id string) error {
	object, err := s.objects.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return Unavailable(errors.New("an object is said to exist and not to exist"))
	}
	if err != nil {
		return err
	}
	found, _, err := open(object)
	if err != nil {
		return err
	}
	if found != id {
		return fmt.Errorf("%w: another write came first", ErrConflict)
	}
	return nil
}

// Get returns what was appended as a version of a log. The error wraps
// [ErrNotFound] if there is no such version, and [ErrDamaged] if it is not whole.
func (s *Store) Get(ctx context.Context, name string, version int64) ([]byte, error) {
	data, err := s.get(ctx, name, version)
	if err != nil {
		return nil, fmt.Errorf("reading version %d of %s: %w", version, name, err)
	}
	return data, nil
}

func (s *Store) get(ctx context.Context, name string, version int64) ([]byte, error) {
	folder, err := folderOf(name)
	if err != nil {
		return nil, err
	}
	if version < 1 || version > maxVersion {
		return nil, ErrNotFound
	}
	object, err := s.objects.Get(ctx, key(folder, version))
	if err != nil {
		return nil, err
	}
	s.learn(name, version)
	_, data, err := open(object)
	return data, err
}

// Head returns the newest version of a log, 0 if it has none. It is never older
// than what was appended, or seen by anyone, before the call.
//
// It asks for one object if nothing is new, and for at most 2·log₂(n)+2 if n
// versions are.
func (s *Store) Head(ctx context.Context, name string) (int64, error) {
	folder, err := folderOf(name)
	if err == nil {
		var head int64
		if head, err = s.head(ctx, name, folder); err == nil {
			return head, nil
		}
	}
	return 0, fmt.Errorf("finding the newest version of %s: %w", name, err)
}

// head gallops from what is known to a version that does not exist, and bisects.
//
// The answer is right for some moment within the call, however many are writing:
// when the version after it was probed, it was not there, so the newest was at most
// the answer; and by now it is at least that.
func (s *Store) head(ctx context.Context, name, folder string) (int64, error) {
	low := s.known(name) // exists, or is 0
	step := int64(1)
	for {
		found, err := s.exists(ctx, key(folder, low+step))
		if err != nil {
			return 0, err
		}
		if !found {
			break
		}
		low += step
		step *= 2
	}
	for high := low + step; high-low > 1; {
		middle := low + (high-low)/2
		found, err := s.exists(ctx, key(folder, middle))
		if err != nil {
			return 0, err
		}
		if found {
			low = middle
		} else {
			high = middle
		}
	}
	s.learn(name, low)
	return low, nil
}

// exists reads the object, as only what was read is sure to stay. One that is
// damaged exists: its number is taken.
func (s *Store) exists(ctx context.Context, key string) (bool, error) {
	_, err := s.objects.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Models returns the models that have a version, in order.
func (s *Store) Models(ctx context.Context) ([]string, error) {
	folders, err := s.objects.List(ctx, modelsFolder)
	if err != nil {
		return nil, fmt.Errorf("listing the models: %w", err)
	}
	var models []string
	for _, name := range folders {
		if !label.MatchString(name) {
			continue // somebody else's
		}
		if s.known(name) == 0 {
			// A writer that was cut short leaves a folder without a version.
			found, err := s.exists(ctx, key(modelsFolder+"/"+name, 1))
			if err != nil {
				return nil, fmt.Errorf("listing the models: %s: %w", name, err)
			}
			if !found {
				continue
			}
			s.learn(name, 1)
		}
		models = append(models, name)
	}
	slices.Sort(models)
	return models, nil
}

func (s *Store) known(name string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heads[name]
}

// learn notes that a version exists, and so all before it. Names without a version
// take no memory, as anybody may ask for any.
func (s *Store) learn(name string, version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version > s.heads[name] {
		s.heads[name] = version
	}
}
