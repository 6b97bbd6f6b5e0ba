package storetest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
)

// Run holds an implementation of [store.Objects], and a store on top of it, to
// everything that is promised. fresh makes an empty place for one test, and returns
// a function that opens it: each call gives a handle of its own to the same place,
// as another process would have.
func Run(t *testing.T, fresh func(t *testing.T) func() store.Objects) {
	tests := map[string]func(*testing.T, func() store.Objects){
		"an object is created once":                 testCreateOnce,
		"objects are listed by folder":              testList,
		"versions are numbered without a hole":      testVersions,
		"fifty writers, one wins each version":      testWriters,
		"a writer that got through knows it":        testGotThrough,
		"a writer that came second knows it":        testCameSecond,
		"a failure that stays is told":              testFailing,
		"a store sees what others write":            testTwoStores,
		"the newest version is found in few reads":  testHeadReads,
		"a context that ended ends the call":        testCancelled,
		"a version may be empty, and big":           testSizes,
		"what is no name is refused":                testNames,
		"logs keep apart, and models are listed":    testLogs,
		"what is damaged is never served":           testDamaged,
		"everything is announced by several sweeps": testAnnouncements,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

const model = "model-a"

func text(version int64) []byte { return fmt.Appendf(nil, `{"version":%d}`, version) }

func fill(t *testing.T, s *store.Store, name string, versions int64) {
	t.Helper()
	for v := int64(1); v <= versions; v++ {
		require.NoError(t, s.Append(t.Context(), name, v, text(v)))
	}
}

func testCreateOnce(t *testing.T, open func() store.Objects) {
	one, other := open(), open()
	_, err := one.Get(t.Context(), "params/model-a/1")
	require.ErrorIs(t, err, store.ErrNotFound)

	require.NoError(t, one.Create(t.Context(), "params/model-a/1", []byte("first")))
	for _, objects := range []store.Objects{one, other} {
		require.ErrorIs(t, objects.Create(t.Context(), "params/model-a/1", []byte("second")), store.ErrExists)
		data, err := objects.Get(t.Context(), "params/model-a/1")
		require.NoError(t, err)
		require.Equal(t, "first", string(data))
	}
}

func testList(t *testing.T, open func() store.Objects) {
	objects := open()
	names, err := objects.List(t.Context(), "params")
	require.NoError(t, err)
	require.Empty(t, names)
	for _, key := range []string{"params/b/1", "params/a/1", "params/a/2", "other/c/1", "params-too/d/1"} {
		require.NoError(t, objects.Create(t.Context(), key, nil))
	}
	names, err = open().List(t.Context(), "params")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"a", "b"}, names)
}

func testVersions(t *testing.T, open func() store.Objects) {
	s := store.New(open())
	head, err := s.Head(t.Context(), model)
	require.NoError(t, err)
	require.Zero(t, head)
	fill(t, s, model, 3)

	for _, s := range []*store.Store{s, store.New(open())} {
		for _, version := range []int64{-1, 0, 1, 3, 5, 1 << 60} {
			require.ErrorIs(t, s.Append(t.Context(), model, version, text(version)), store.ErrConflict, "version %d", version)
		}
		for _, version := range []int64{-1, 0, 4, 5, 1 << 60} {
			_, err := s.Get(t.Context(), model, version)
			require.ErrorIs(t, err, store.ErrNotFound, "version %d", version)
		}
		requireLog(t, s, model, 3)
	}
}

// requireLog asserts that a log has the versions that fill wrote, and no others.
func requireLog(t *testing.T, s *store.Store, name string, versions int64) {
	t.Helper()
	head, err := s.Head(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, versions, head)
	for v := int64(1); v <= versions; v++ {
		data, err := s.Get(t.Context(), name, v)
		require.NoError(t, err)
		require.Equal(t, string(text(v)), string(data))
	}
}

func testTwoStores(t *testing.T, open func() store.Objects) {
	one, other := store.New(open()), store.New(open())
	for v := int64(1); v <= 6; v += 2 {
		require.NoError(t, one.Append(t.Context(), model, v, text(v)))
		requireLog(t, other, model, v)
		require.NoError(t, other.Append(t.Context(), model, v+1, text(v+1)))
		requireLog(t, one, model, v+1)
	}
}

func testHeadReads(t *testing.T, open func() store.Objects) {
	const versions = 40
	var reads atomic.Int64
	tap := &Tap{Objects: open(), Before: func(string, string) error { reads.Add(1); return nil }}
	fill(t, store.New(open()), model, versions)

	s := store.New(tap)
	requireHead := func(want, atMost int64) {
		t.Helper()
		reads.Store(0)
		head, err := s.Head(t.Context(), model)
		require.NoError(t, err)
		require.Equal(t, want, head)
		require.LessOrEqual(t, reads.Load(), atMost)
	}
	requireHead(versions, 12) // 2·log₂(40) + 2
	requireHead(versions, 1)
	require.NoError(t, store.New(open()).Append(t.Context(), model, versions+1, nil))
	requireHead(versions+1, 3)
	require.NoError(t, s.Append(t.Context(), model, versions+2, nil))
	requireHead(versions+2, 1)
}

func testCancelled(t *testing.T, open func() store.Objects) {
	s := store.New(open())
	fill(t, s, model, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := s.Head(ctx, model)
	requireUnavailable(t, err, context.Canceled)
	_, err = s.Get(ctx, model, 1)
	requireUnavailable(t, err, context.Canceled)
	_, err = s.Models(ctx)
	requireUnavailable(t, err, context.Canceled)
	requireUnavailable(t, s.Append(ctx, model, 2, text(2)), context.Canceled)
	requireUnavailable(t, open().Create(ctx, "params/model-a/2", nil), context.Canceled)
	requireLog(t, store.New(open()), model, 1)
}

func testSizes(t *testing.T, open func() store.Objects) {
	s := store.New(open())
	sizes := []int{0, 1, 1 << 20, store.MaxSize}
	for i, size := range sizes {
		require.NoError(t, s.Append(t.Context(), model, int64(i)+1, bytes.Repeat([]byte{'x'}, size)))
	}
	require.ErrorIs(t, s.Append(t.Context(), model, int64(len(sizes))+1, make([]byte, store.MaxSize+1)), store.ErrInvalid)
	for i, size := range sizes {
		data, err := store.New(open()).Get(t.Context(), model, int64(i)+1)
		require.NoError(t, err)
		require.Len(t, data, size)
	}
}

func testNames(t *testing.T, open func() store.Objects) {
	s := store.New(open())
	for _, name := range []string{
		"", ".", "..", "/", "a/", "/a", "../a", "a/..", "a/../b", "a//b", "a/b/c", "./a", `a\b`, "a\x00", "a\n",
		"A", "1a", "a-", "-a", "a_b", "a.b", "ä", "params/model-a", ".tmp/a", strings.Repeat("a", 64),
	} {
		require.ErrorIs(t, s.Append(t.Context(), name, 1, nil), store.ErrInvalid, "%q", name)
		_, err := s.Get(t.Context(), name, 1)
		require.ErrorIs(t, err, store.ErrInvalid, "%q", name)
		_, err = s.Head(t.Context(), name)
		require.ErrorIs(t, err, store.ErrInvalid, "%q", name)
	}
	for _, name := range []string{"a", "a0", "a--b", "a/b", strings.Repeat("a", 63), "schemas/" + strings.Repeat("a", 63)} {
		require.NoError(t, s.Append(t.Context(), name, 1, nil), "%q", name)
	}
}

func testLogs(t *testing.T, open func() store.Objects) {
	s := store.New(open())
	models, err := s.Models(t.Context())
	require.NoError(t, err)
	require.Empty(t, models)

	// A model may have the name of a kind.
	names := []string{"model-b", "model-a", "schemas/model-a", "announced/model-a", "schemas", "announced", "schemas/model-z"}
	for i, name := range names {
		fill(t, s, name, int64(i)+1)
	}
	// Nobody's business: a folder whose name is none, and one without a version 1.
	objects := open()
	require.NoError(t, objects.Create(t.Context(), "params/No-Name/0000000001", nil))
	require.NoError(t, objects.Create(t.Context(), "params/model-y/readme", nil))

	for _, s := range []*store.Store{s, store.New(open())} {
		for i, name := range names {
			requireLog(t, s, name, int64(i)+1)
		}
		models, err := s.Models(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"announced", "model-a", "model-b", "schemas"}, models)
	}
}
