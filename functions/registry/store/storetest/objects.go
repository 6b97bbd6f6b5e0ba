// Package storetest has what the tests of stores share: objects in memory, objects
// that fail on demand, the suite that every implementation of [store.Objects]
// passes, and a check that what many clients saw can be explained.
package storetest

import (
	"context"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/modelfn/modelfn/functions/registry/store"
)

// Memory keeps objects in memory. The zero value is empty; it is safe for
// concurrent use.
type Memory struct {
	mu      sync.Mutex // guards objects
	objects map[string][]byte
}

var _ store.Objects = (*Memory)(nil)

// Create implements [store.Objects].
func (m *Memory) Create(ctx context.Context, key string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return store.Unavailable(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[key]; ok {
		return store.ErrExists
	}
	if m.objects == nil {
		m.objects = map[string][]byte{}
	}
	m.objects[key] = slices.Clone(data)
	return nil
}

// Get implements [store.Objects].
func (m *Memory) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, store.Unavailable(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[key]
	if !ok {
		return nil, store.ErrNotFound
	}
	return slices.Clone(data), nil
}

// List implements [store.Objects].
func (m *Memory) List(ctx context.Context, folder string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, store.Unavailable(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	var names []string
	for key := range m.objects {
		if below, ok := strings.CutPrefix(path.Dir(key), folder+"/"); ok && !seen[below] {
			seen[below] = true
			names = append(names, below)
		}
	}
	return names, nil
}

// Tap stands before objects and can make calls fail. Its functions, each nil for
// nothing, get "Create", "Get" or "List" and the key or folder; they must be safe
// for concurrent use.
type Tap struct {
	Objects store.Objects

	// Before is called before a call is passed on. If it returns an error, the call
	// is not made.
	Before func(call, key string) error

	// After is called when a call has succeeded. If it returns an error, the caller
	// gets that: what was to be done is done, but the caller does not know.
	After func(call, key string) error
}

var _ store.Objects = (*Tap)(nil)

// Create implements [store.Objects].
func (t *Tap) Create(ctx context.Context, key string, data []byte) error {
	_, err := tap(t, "Create", key, func() (struct{}, error) { return struct{}{}, t.Objects.Create(ctx, key, data) })
	return err
}

// Get implements [store.Objects].
func (t *Tap) Get(ctx context.Context, key string) ([]byte, error) {
	return tap(t, "Get", key, func() ([]byte, error) { return t.Objects.Get(ctx, key) })
}

// List implements [store.Objects].
func (t *Tap) List(ctx context.Context, folder string) ([]string, error) {
	return tap(t, "List", folder, func() ([]string, error) { return t.Objects.List(ctx, folder) })
}

func tap[T any](t *Tap, call, key string, do func() (T, error)) (T, error) {
	var none T
	if t.Before != nil {
		if err := t.Before(call, key); err != nil {
			return none, err
		}
	}
	value, err := do()
	if err == nil && t.After != nil {
		err = t.After(call, key)
	}
	if err != nil {
		return none, err
	}
	return value, nil
}
