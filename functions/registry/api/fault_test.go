package api

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/storetest"
)

// everything is one request of each kind that needs the store.
var everything = []struct{ method, path, body string }{
	{"GET", "/params", ""}, {"GET", "/params?flat=1", ""}, {"GET", "/params/model-a", ""}, {"GET", "/params/model-z", ""},
	{"GET", "/params/model-a/versions", ""}, {"GET", "/params/model-a/versions/2", ""}, {"GET", "/params/model-a/schema", ""}, {"GET", "/params/model-a/replicas", ""},
	{"PUT", "/params/model-a", bias("5")}, {"PATCH", "/params/model-a", bias("5")}, {"PUT", "/params", `{"model-a":` + bias("5") + `}`}, {"PUT", "/params", `{"param_a_1":5}`},
	{"POST", "/params/model-a/promote", `{"version":1}`}, {"POST", "/params/model-a/rollback", `{"version":1}`},
}

// TestStoreAway: callers are told to come back, and not what is wrong; and when the
// store is back, so is the registry.
func TestStoreAway(t *testing.T) {
	var away atomic.Bool
	objects := &storetest.Tap{Objects: &storetest.Memory{}, Before: func(string, string) error {
		if away.Load() {
			return store.Unavailable(errors.New("dial tcp 10.0.0.7:9000: the secret is wrong"))
		}
		return nil
	}}
	r := newRig(t, over(objects)).known()
	away.Store(true)
	for _, c := range everything {
		a := r.do(c.method, c.path, c.body).refused(503, "the store of params cannot be reached")
		require.Equal(t, "1", a.header.Get("Retry-After"))
	}
	r.get("/params/model-a", "If-None-Match", `"0-x"`, "Prefer", "wait=30").is(http.StatusServiceUnavailable)
	r.get("/params/model-a/versions/1").is(http.StatusOK) // it is known, and never changes
	r.get("/health/ready").is(http.StatusOK)
	require.NotZero(t, r.writes("failed"))
	require.Contains(t, logged(r), "the secret is wrong", "it is for the log")

	// Who has what was current waits on, and is told when there is something new.
	etag := params.ETag(1, r.registry.cached("model-a").doc().Digest)
	watch := r.watch(t.Context(), etag)
	away.Store(false)
	put := r.do("PUT", "/params/model-a", bias("5")).is(http.StatusCreated)
	require.Equal(t, put.body, (<-watch).body)
}

// logged returns what the registry has written to its log.
func logged(r *rig) string {
	r.registry.log.Warn("so far") // with which all that came before is written
	return r.log.String()
}

// TestUnknownOutcome: a write of which the registry does not know whether it was
// made is not acknowledged; repeated with its key it is made once.
func TestUnknownOutcome(t *testing.T) {
	var lost atomic.Bool
	lose := func(call, key string) error {
		if lost.Load() && strings.HasPrefix(key, "params/model-a") {
			return store.Unavailable(errors.New("the answer was lost"))
		}
		return nil
	}
	objects := &storetest.Tap{Objects: &storetest.Memory{}, After: lose}
	r := newRig(t, over(objects)).known()
	put := func() heard { return r.do("PUT", "/params/model-a", bias("5"), "Idempotency-Key", "k") }
	var ended atomic.Bool
	objects.Before = func(call, key string) error {
		if ended.Load() && call == "Create" { // the first attempt, which gets through
			lost.Store(true)
		}
		return nil
	}
	ended.Store(true)
	put().refused(503, "the store of params cannot be reached")
	ended.Store(false)
	lost.Store(false)
	require.EqualValues(t, 2, put().is(http.StatusCreated).doc().Version)
	require.EqualValues(t, 2, r.get("/params/model-a").doc().Version)
}

// TestDamaged: what somebody else put into the store, or half of what was there, is
// never served. What is whole is.
func TestDamaged(t *testing.T) {
	r := newRig(t).known()
	original, err := os.ReadFile(filepath.Join(r.folder, "params", "model-a", "0000000001"))
	require.NoError(t, err)
	for i, content := range []string{
		"", "hello", string(original[:len(original)-1]), strings.Replace(string(original), "4", "5", 1), string(original),
	} {
		model := fmt.Sprintf("model-%d", i)
		r.do("PUT", "/params/"+model, `{"params":1,"schema":{}}`).is(http.StatusCreated)
		require.NoError(t, os.WriteFile(filepath.Join(r.folder, "params", model, "0000000002"), []byte(content), 0o600))
		for _, c := range everything[2:] {
			if c.path == "/params/model-z" || !strings.Contains(c.path, "model-a") {
				continue
			}
			path := strings.Replace(c.path, "model-a", model, 1)
			r.do(c.method, path, strings.ReplaceAll(c.body, "model-a", model)).refused(500, "internal error")
		}
		require.Equal(t, "1", string(r.get("/params/"+model+"/versions/1").is(http.StatusOK).doc().Params))
	}
	require.Contains(t, logged(r), "damaged")
	require.Equal(t, paramsA, string(r.get("/params/model-a").is(http.StatusOK).doc().Params), "others are not harmed")
}

// TestTooBig: what the store does not take is refused by its size.
func TestTooBig(t *testing.T) {
	r := newRig(t, func(_ *Config, h *HandlerConfig) { h.MaxBody = 2 * store.MaxSize }, over(&storetest.Memory{}))
	big := `"` + strings.Repeat("x", store.MaxSize) + `"`
	const message = "the document or its schema is over 4194304 bytes"
	r.do("PUT", "/params/model-a", `{"params":`+big+`,"schema":{}}`).refused(413, message)
	r.do("PUT", "/params/model-a", `{"params":1,"schema":{"title":`+big+`}}`).refused(413, message)
	r.get("/params/model-a").is(http.StatusNotFound)
}

// TestMadeUpNames: anybody may ask for anything; it takes no memory.
func TestMadeUpNames(t *testing.T) {
	r := newRig(t).known()
	who := params.Replica{Name: "a", State: params.Serving}.String()
	for i := range 100 {
		path := fmt.Sprintf("/params/made-up-%d", i)
		r.get(path, "If-None-Match", `"1-x"`, "Prefer", "wait=30", params.ReplicaHeader, who).is(http.StatusNotFound)
		for _, below := range []string{"", "/versions", "/versions/1", "/schema", "/replicas"} {
			r.get(path + below).is(http.StatusNotFound)
		}
		r.do("PUT", path, bias("1"), "If-Match", "*").is(http.StatusNotFound)
		r.do("POST", path+"/rollback", `{"version":1}`).is(http.StatusNotFound)
	}
	require.Len(t, r.registry.feeds, 2)
	require.Empty(t, r.registry.schemas.byName)
	require.Empty(t, r.registry.replicas.byModel)
}

// TestPanicsEndOneRequest: and the client hears nothing inner.
func TestPanicsEndOneRequest(t *testing.T) {
	var broken atomic.Bool
	objects := &storetest.Tap{Objects: &storetest.Memory{}, Before: func(string, string) error {
		if broken.Load() {
			panic("a secret")
		}
		return nil
	}}
	r := newRig(t, over(objects)).known()
	broken.Store(true)
	for _, c := range everything {
		r.do(c.method, c.path, c.body).refused(500, "internal error")
	}
	broken.Store(false)
	r.get("/params/model-a").is(http.StatusOK)
}
