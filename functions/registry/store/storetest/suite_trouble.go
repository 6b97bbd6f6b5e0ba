package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
)

func testWriters(t *testing.T, open func() store.Objects) {
	const writers, stores, versions = 50, 5, 6
	all := make([]*store.Store, stores)
	for i := range all {
		all[i] = store.New(open())
	}
	var wins [versions + 1][]string
	var mu sync.Mutex // guards wins
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			s, name := all[i%stores], fmt.Sprintf("writer %d", i)
			for v := int64(1); v <= versions; v++ {
				err := s.Append(t.Context(), model, v, []byte(name))
				if err == nil {
					mu.Lock()
					wins[v] = append(wins[v], name)
					mu.Unlock()
					continue
				}
				assert.ErrorIs(t, err, store.ErrConflict)
			}
		})
	}
	group.Wait()

	s := store.New(open())
	head, err := s.Head(t.Context(), model)
	require.NoError(t, err)
	require.EqualValues(t, versions, head)
	for v := int64(1); v <= versions; v++ {
		require.Len(t, wins[v], 1, "version %d", v)
		data, err := s.Get(t.Context(), model, v)
		require.NoError(t, err)
		require.Equal(t, wins[v][0], string(data), "version %d", v)
	}
}

// testGotThrough fails the first attempts at each write, before or after it is
// done.
func testGotThrough(t *testing.T, open func() store.Objects) {
	failTwice := func() func(call, key string) error {
		var failures sync.Map // by key, *atomic.Int32
		return func(call, key string) error {
			n, _ := failures.LoadOrStore(call+key, new(atomic.Int32))
			if call == "Create" && n.(*atomic.Int32).Add(1) <= 2 {
				return store.Unavailable(errors.New("no answer"))
			}
			return nil
		}
	}
	fill(t, store.New(&Tap{Objects: open(), Before: failTwice()}), "model-b", 2)
	fill(t, store.New(&Tap{Objects: open(), After: failTwice()}), "model-c", 2)
	requireLog(t, store.New(open()), "model-b", 2)
	requireLog(t, store.New(open()), "model-c", 2)
}

// testCameSecond puts another write before the attempt that is made again.
func testCameSecond(t *testing.T, open func() store.Objects) {
	other := store.New(open())
	var once sync.Once
	s := store.New(&Tap{Objects: open(), Before: func(call, _ string) (err error) {
		if call == "Create" {
			once.Do(func() {
				fill(t, other, model, 1)
				err = store.Unavailable(errors.New("no answer"))
			})
		}
		return err
	}})
	require.ErrorIs(t, s.Append(t.Context(), model, 1, []byte("second")), store.ErrConflict)
	requireLog(t, s, model, 1)
}

func testFailing(t *testing.T, open func() store.Objects) {
	cause := errors.New("the disk is on fire")
	fill(t, store.New(open()), model, 1)
	s := store.New(&Tap{Objects: open(), Before: func(_, _ string) error { return store.Unavailable(cause) }})

	_, err := s.Head(t.Context(), model)
	requireUnavailable(t, err, cause)
	_, err = s.Get(t.Context(), model, 1)
	requireUnavailable(t, err, cause)
	_, err = s.Models(t.Context())
	requireUnavailable(t, err, cause)
	requireUnavailable(t, s.Append(t.Context(), model, 2, nil), cause)
	requireUnavailable(t, s.Append(t.Context(), model, 1, nil), cause)
	requireLog(t, store.New(open()), model, 1)
}

func requireUnavailable(t *testing.T, err, cause error) {
	t.Helper()
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorIs(t, err, cause)
}

// testDamaged puts things in the place of version 2 that nobody wrote.
func testDamaged(t *testing.T, open func() store.Objects) {
	objects := open()
	fill(t, store.New(objects), "original", 1)
	whole, err := objects.Get(t.Context(), "params/original/0000000001")
	require.NoError(t, err)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	for name, bad := range map[string][]byte{
		"empty": {}, "foreign": []byte(`{"a":1}`), "short": whole[:len(whole)-1], "line": whole[:20],
		"long": append(bytes.Clone(whole), '\n'), "flipped": flipped, "zeros": make([]byte, len(whole)),
	} {
		fill(t, store.New(objects), name, 1)
		require.NoError(t, objects.Create(t.Context(), "params/"+name+"/0000000002", bad))

		s := store.New(open())
		_, err := s.Get(t.Context(), name, 2)
		require.ErrorIs(t, err, store.ErrDamaged, name)
		// Its number is taken all the same, and what is whole is served.
		head, err := s.Head(t.Context(), name)
		require.NoError(t, err, name)
		require.EqualValues(t, 2, head, name)
		requireLogBelow(t, s, name)
	}
}

func requireLogBelow(t *testing.T, s *store.Store, name string) {
	t.Helper()
	data, err := s.Get(t.Context(), name, 1)
	require.NoError(t, err)
	require.Equal(t, string(text(1)), string(data))
}

// testAnnouncements is how a registry uses a log to remember what it announced,
// with a replica that dies between announcing and remembering.
func testAnnouncements(t *testing.T, open func() store.Objects) {
	const versions = 12
	var announced [versions + 1]atomic.Int32
	sweep := func(ctx context.Context, s *store.Store, die int64) error {
		head, err := s.Head(ctx, model)
		if err != nil {
			return err
		}
		done, err := s.Head(ctx, "announced/"+model)
		for v := done + 1; v <= head && err == nil; v++ {
			announced[v].Add(1)
			if v == die {
				return nil
			}
			if err = s.Append(ctx, "announced/"+model, v, nil); errors.Is(err, store.ErrConflict) {
				err = nil // another replica was faster
			}
		}
		return err
	}
	fill(t, store.New(open()), model, versions)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() { assert.NoError(t, sweep(t.Context(), store.New(open()), int64(3*i))) })
	}
	group.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, sweep(ctx, store.New(open()), 0))
	for v := 1; v <= versions; v++ {
		require.Positive(t, announced[v].Load(), "version %d", v)
	}
	head, err := store.New(open()).Head(t.Context(), "announced/"+model)
	require.NoError(t, err)
	require.EqualValues(t, versions, head)
}
