package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/events"
)

// TestPut: the first PUT with a schema makes a model known, and what is answered is
// exactly what was received, under the next number and the digest of its content.
func TestPut(t *testing.T) {
	r := newRig(t)
	before := time.Now().Add(-time.Second)
	a := r.do("PUT", "/params/model-a", `{"params": {"bias" : 4.50, "weights":[1e1, -0, 2]},"message":"the first \u00e9","schema":`+schemaA+`}`).is(http.StatusCreated)

	d := a.doc()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(`{"model":"model-a","params":{"bias":4.5,"weights":[10,0,2]},"requires":{}}`)))
	created := d.Created.Format(time.RFC3339Nano)
	require.JSONEq(t, `{"model":"model-a","version":1,"digest":"`+digest+`","params":{"bias":4.50,"weights":[1e1,-0,2]},`+
		`"author":"local","message":"the first é","created":"`+created+`"}`, a.body)
	require.Contains(t, a.body, `"params":{"bias":4.50,"weights":[1e1,-0,2]}`, "as it was received")
	require.WithinRange(t, d.Created, before, time.Now().Add(time.Second))
	require.Equal(t, `"1-`+digest[7:19]+`"`, a.etag())
	require.Equal(t, "/params/model-a/versions/1", a.header.Get("Location"))
	require.Equal(t, a.body, r.get("/params/model-a/versions/1").is(http.StatusOK).body)
	require.Equal(t, a.body, r.get("/params/model-a").is(http.StatusOK).body)

	for v := int64(2); v <= 5; v++ {
		d := r.do("PUT", "/params/model-a", bias("1")).is(http.StatusCreated).doc()
		require.Equal(t, v, d.Version)
		require.Equal(t, events.Change{Model: "model-a", Version: v, Digest: d.Digest}, r.changes[v-1])
	}
	require.EqualValues(t, 5, r.writes("written"))
}

func TestRefusedWrites(t *testing.T) {
	r := newRig(t, func(_ *Config, h *HandlerConfig) { h.MaxBody = 4096 }).known()
	pin := `{"params":` + paramsA + `,"requires":{"component-d":{"version":%d,"digest":"%s"}}}`
	digestD := r.get("/params/component-d").doc().Digest
	other := "sha256:" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		message            string
	}{
		"unknown model":         {"PUT", "/params/model-z", bias("1"), 404, `there is no model "model-z"`},
		"unknown model, patch":  {"PATCH", "/params/model-z", bias("1"), 404, `there is no model "model-z"`},
		"unknown model, copy":   {"POST", "/params/model-z/promote", `{"version":1}`, 404, `there is no model "model-z"`},
		"no name":               {"PUT", "/params/Model_Z", `{"params":{},"schema":{}}`, 400, `"Model_Z" is not the name of a model`},
		"no JSON":               {"PUT", "/params/model-a", `{"params":`, 400, `params: not valid JSON: it ends too early`},
		"two values":            {"PUT", "/params/model-a", bias("1") + "{}", 400, `not valid JSON: there is more than one value`},
		"no object":             {"PUT", "/params/model-a", `[]`, 400, `not an object`},
		"no params":             {"PUT", "/params/model-a", `{"message":"x"}`, 400, `params: missing`},
		"unknown member":        {"PUT", "/params/model-a", `{"params":` + paramsA + `,"held":true}`, 400, `held: unknown field`},
		"other case":            {"PUT", "/params/model-a", `{"Params":` + paramsA + `}`, 400, `Params: unknown field; params: missing`},
		"twice":                 {"PUT", "/params/model-a", `{"params":{"bias":1,"bias":2}}`, 400, `params.bias: there twice`},
		"invalid UTF-8":         {"PUT", "/params/model-a", "{\"params\":{\"\xff\":1}}", 400, `params: not valid JSON: invalid UTF-8`},
		"too large a number":    {"PUT", "/params/model-a", bias("1e400"), 400, `params.bias: out of range for a 64-bit number`},
		"too small a number":    {"PUT", "/params/model-a", bias("1e-400"), 400, `params.bias: too small for a 64-bit number`},
		"an inexact integer":    {"PUT", "/params/model-a", bias("9007199254740993"), 400, `params.bias: an integer beyond ±2^53 is not exact`},
		"null":                  {"PUT", "/params/model-a", bias("null"), 400, `params.bias: got null, want number`},
		"params are null":       {"PUT", "/params/model-a", `{"params":null}`, 400, `params: got null, want object`},
		"a type":                {"PUT", "/params/model-a", `{"params":{"weights":[1,"2",3],"bias":4}}`, 400, `params.weights[1]: got string, want number`},
		"a range":               {"PUT", "/params/model-a", `{"params":{"weights":[1,2,-1000.5],"bias":4}}`, 400, `params.weights[2]: -1000.5 is not at least -1000`},
		"a count":               {"PUT", "/params/model-a", `{"params":{"weights":[1,2],"bias":4}}`, 400, `params.weights: minItems: got 2, want 3`},
		"everything at once":    {"PUT", "/params/model-a", `{"params":{"weights":[true,2000,3],"b":1}}`, 400, `params.bias: missing; params.b: unknown field; params.weights[0]: got boolean, want number; params.weights[1]: 2000 is not at most 1000`},
		"a patch out of range":  {"PATCH", "/params/model-a", `{"params":{"weights":[1,2,3000]}}`, 400, `params.weights[2]: 3000 is not at most 1000`},
		"a patch that removes":  {"PATCH", "/params/model-a", `{"params":{"bias":null}}`, 400, `params.bias: missing`},
		"a long message":        {"PUT", "/params/model-a", `{"params":` + paramsA + `,"message":"` + strings.Repeat("x", 1001) + `"}`, 400, `message: over 1000 bytes`},
		"a pin of nothing":      {"PUT", "/params/model-a", fmt.Sprintf(pin, 7, digestD), 400, `requires.component-d.version: component-d has no version 7`},
		"a pin without number":  {"PUT", "/params/model-a", fmt.Sprintf(pin, 0, digestD), 400, `requires.component-d.version: component-d has no version 0`},
		"another digest":        {"PUT", "/params/model-a", fmt.Sprintf(pin, 1, other), 400, `requires.component-d.digest: version 1 of component-d has the digest ` + digestD},
		"no digest":             {"PUT", "/params/model-a", fmt.Sprintf(pin, 1, "sha256:x"), 400, `requires.component-d.digest: not a digest: sha256: and 64 hexadecimal digits`},
		"itself":                {"PUT", "/params/component-d", strings.Replace(fmt.Sprintf(pin, 1, digestD), paramsA, paramsD, 1), 400, `requires.component-d: a model cannot require itself`},
		"a schema that is none": {"PUT", "/params/model-z", `{"params":{},"schema":[]}`, 400, `schema: not an object`},
		"hold with a letter":    {"PUT", "/params/model-a?held=true", bias("1"), 400, `held: unknown parameter`},
		"hold is not yes":       {"PUT", "/params/model-a?hold=yes", bias("1"), 400, `hold: neither true nor false`},
		"a copy held":           {"POST", "/params/model-a/promote?hold=true", `{"version":1}`, 400, `hold: unknown parameter`},
		"a copy of nothing":     {"POST", "/params/model-a/rollback", `{"version":9}`, 404, `model-a has no version 9`},
		"a copy without number": {"POST", "/params/model-a/rollback", `{"version":0}`, 400, `version: 0 is not at least 1 and at most 9007199254740992`},
		"a big body":            {"PUT", "/params/model-a", strings.Repeat(" ", 4097), 413, `the body is over 4096 bytes`},
		"no such route":         {"GET", "/nothing", "", 404, `there is no /nothing`},
	} {
		t.Run(name, func(t *testing.T) {
			(&rig{t: t, url: r.url}).do(c.method, c.path, c.body).refused(c.status, c.message)
		})
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "application/merge-patch+json", "nonsense;"} {
		for _, route := range []string{"PUT /params/model-a", "PATCH /params/model-a", "PUT /params", "POST /params/model-a/rollback"} {
			method, path, _ := strings.Cut(route, " ")
			r.do(method, path, bias("1"), "Content-Type", kind).refused(415, "the Content-Type has to be application/json")
		}
	}
	r.do("PUT", "/params/model-a", bias("1"), "Content-Encoding", "gzip").refused(415, `the Content-Encoding "gzip" is not taken: send the body as it is`)
	r.do("PATCH", "/params/model-a", `{"params":{}}`, "Content-Type", "Application/JSON; charset=utf-8").is(http.StatusCreated)
	r.do("DELETE", "/params/model-a", "").refused(405, "/params/model-a takes GET, HEAD, PUT, PATCH")
	require.EqualValues(t, 2, r.get("/params/model-a").doc().Version, "the one PATCH, and nothing else")
	require.NotZero(t, r.writes("refused"))
}

// TestSchemas: a schema comes with a document, is part of it, and holds for what is
// made of that document. It stays within itself.
func TestSchemas(t *testing.T) {
	r := newRig(t).known()
	require.JSONEq(t, schemaA, r.get("/params/model-a/schema").is(http.StatusOK).body)
	require.Contains(t, r.get("/params/model-a/schema").body, `"x-unit":"1/sd"`)
	r.get("/params/model-z/schema").refused(404, `there is no model "model-z"`)

	file := filepath.Join(t.TempDir(), "schema.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"type":"number"}`), 0o600))
	for name, c := range map[string]struct{ schema, message string }{
		"no schema":     {`{"type":"numbr"}`, `schema: not a JSON Schema:`},
		"a file":        {`{"$ref":"file://` + file + `"}`, `is not part of the schema`},
		"another place": {`{"$ref":"http://127.0.0.1:1/schema"}`, `schema: not a JSON Schema:`},
		"a huge number": {`{"minimum":1e999999999}`, `schema.minimum: out of range for a 64-bit number`},
		"null":          {`null`, `schema: not an object`},
		"a loop":        {`{"$ref":"#"}`, `params: `},
	} {
		a := r.do("PUT", "/params/model-z", `{"params":1,"schema":`+c.schema+`}`).is(http.StatusBadRequest)
		require.Contains(t, a.body, c.message, name)
		require.NotContains(t, a.body, "root:", name)
	}
	r.get("/params/model-z").refused(404, `there is no model "model-z"`)

	// New params with a new schema, held: the current ones go by the old schema.
	newer := `{"type":"object","required":["slope"],"properties":{"slope":{"type":"number"}},"additionalProperties":false}`
	r.do("PUT", "/params/model-a?hold=true", `{"params":{"slope":1},"schema":`+newer+`}`).is(http.StatusCreated)
	require.JSONEq(t, schemaA, r.get("/params/model-a/schema").body)
	r.do("PUT", "/params/model-a", `{"params":{"slope":2}}`).is(http.StatusBadRequest)
	r.do("PATCH", "/params/model-a", `{"params":{"bias":7}}`).is(http.StatusCreated)
	// Promoted, they bring their schema along; and a rollback that of before.
	r.do("POST", "/params/model-a/promote", `{"version":2}`).is(http.StatusCreated)
	require.JSONEq(t, newer, r.get("/params/model-a/schema").body)
	r.do("PUT", "/params/model-a", bias("1")).is(http.StatusBadRequest)
	r.do("POST", "/params/model-a/rollback", `{"version":1}`).is(http.StatusCreated)
	require.JSONEq(t, schemaA, r.get("/params/model-a/schema").body)

	// A write that is not made leaves no schema behind.
	r.do("PUT", "/params/model-a", `{"params":{"slope":1},"schema":`+newer+`}`, "If-Match", `"1-000000000000"`).is(http.StatusPreconditionFailed)
	r.do("PUT", "/params/model-a", bias("1")).is(http.StatusCreated)
}

func TestIfMatch(t *testing.T) {
	r := newRig(t).known()
	first := r.get("/params/model-a")
	r.do("PUT", "/params/model-a", bias("5"), "If-Match", first.etag()).is(http.StatusCreated)
	current := r.get("/params/model-a")

	for _, stale := range []string{first.etag(), `"2"`, `2`, `""`, "W/" + current.etag(), strings.Trim(current.etag(), `"`)} {
		for _, w := range []struct{ method, path, body string }{
			{"PUT", "", bias("6")}, {"PATCH", "", `{"params":{}}`}, {"PUT", "?hold=true", bias("6")}, {"POST", "/rollback", `{"version":1}`},
		} {
			a := r.do(w.method, "/params/model-a"+w.path, w.body, "If-Match", stale).is(http.StatusPreconditionFailed)
			require.Equal(t, current.body, a.body, "the current document is the body")
			require.Equal(t, current.etag(), a.etag())
		}
	}
	require.EqualValues(t, 24, r.writes("conflict"))
	r.do("PUT", "/params/model-a", bias("6"), "If-Match", first.etag()+" , "+current.etag()).is(http.StatusCreated)
	r.do("PUT", "/params/model-a", bias("7"), "If-Match", "*").is(http.StatusCreated)

	// Without a current document nothing matches. An unknown model is that first.
	r.do("PUT", "/params/model-n", `{"params":1,"schema":{}}`, "If-Match", "*").refused(412, "there is no current document")
	r.do("PUT", "/params/model-n?hold=1", `{"params":1,"schema":{}}`).is(http.StatusCreated)
	r.do("PUT", "/params/model-n", `{"params":1}`, "If-Match", "*").refused(412, "there is no current document")
	r.do("PUT", "/params/model-z", `{"params":1}`, "If-Match", "*").refused(404, `there is no model "model-z"`)
}

// TestIfNoneMatch: of two who write what is to be current first, the second is told.
func TestIfNoneMatch(t *testing.T) {
	r := newRig(t)
	r.do("PUT", "/params/model-n?hold=1", `{"params":1,"schema":{}}`, "If-None-Match", "*").is(http.StatusCreated)
	r.do("PUT", "/params/model-n?hold=1", `{"params":2}`, "If-None-Match", "*").is(http.StatusCreated)
	for range 2 {
		first := r.do("PUT", "/params/model-n", `{"params":3}`, "If-None-Match", "*", "Idempotency-Key", "k").is(http.StatusCreated)
		require.EqualValues(t, 3, first.doc().Version)
	}
	r.do("PUT", "/params/model-n", `{"params":3}`, "Idempotency-Key", "k").refused(400, "Idempotency-Key: was used for another request")

	current := r.get("/params/model-n")
	for _, seen := range []string{"*", current.etag(), "W/" + current.etag()} {
		for _, w := range []struct{ method, path, body string }{
			{"PUT", "", `{"params":4}`}, {"PATCH", "", `{"params":4}`}, {"PUT", "?hold=true", `{"params":4}`}, {"POST", "/promote", `{"version":1}`},
		} {
			a := r.do(w.method, "/params/model-n"+w.path, w.body, "If-None-Match", seen).is(http.StatusPreconditionFailed)
			require.Equal(t, current.body, a.body, "the current document is the body")
		}
	}
	r.do("PUT", "/params/model-n", `{"params":4}`, "If-None-Match", `"1-000000000000"`).is(http.StatusCreated)
}

// TestKeep: what a write leaves out stays as it is.
func TestKeep(t *testing.T) {
	r := newRig(t).known()
	digestD := r.get("/params/component-d").doc().Digest
	requires := `"requires":{"component-d":{"version":1,"digest":"` + digestD + `"}}`
	d := r.do("PUT", "/params/model-a", `{"params":`+paramsA+`,`+requires+`}`).is(http.StatusCreated).doc()
	require.Equal(t, digestD, d.Requires["component-d"].Digest)

	d = r.do("PATCH", "/params/model-a", `{"params":{"bias":9}}`).is(http.StatusCreated).doc()
	require.Equal(t, `{"weights":[1,2,3],"bias":9}`, string(d.Params))
	require.Len(t, d.Requires, 1)
	require.Empty(t, d.Message)
	require.Len(t, r.do("PUT", "/params/model-a", bias("1")).doc().Requires, 1)
	require.Empty(t, r.do("PUT", "/params/model-a", `{"params":`+paramsA+`,"requires":{}}`).doc().Requires)
}

// TestHold: a held version is there for whoever names it, and nobody else.
func TestHold(t *testing.T) {
	r := newRig(t).known()
	current := r.get("/params/model-a")
	held := r.do("PUT", "/params/model-a?hold=true", bias("8")).is(http.StatusCreated).doc()
	require.True(t, held.Held)
	require.EqualValues(t, 2, held.Version)
	require.Equal(t, current.body, r.get("/params/model-a").body)
	r.get("/params/model-a", "If-None-Match", current.etag()).is(http.StatusNotModified)
	require.True(t, r.get("/params/model-a/versions/2").doc().Held)
	require.NotContains(t, r.get("/params").body, `"held"`)

	// A patch changes the current one, not the held one; and its number is the next.
	patched := r.do("PATCH", "/params/model-a", `{"params":{"weights":[0,0,0]}}`).doc()
	require.EqualValues(t, 3, patched.Version)
	require.Equal(t, `{"weights":[0,0,0],"bias":4}`, string(patched.Params))

	for _, c := range []struct {
		route   string
		version int
		message string
	}{
		{"promote", 1, "version 1 of model-a is not held"},
		{"rollback", 2, "version 2 of model-a is held: promote it"},
		{"rollback", 3, "version 3 of model-a is current"},
	} {
		r.do("POST", "/params/model-a/"+c.route, fmt.Sprintf(`{"version":%d}`, c.version)).refused(409, c.message)
	}
	promoted := r.do("POST", "/params/model-a/promote", `{"version":2,"message":"it is good"}`).is(http.StatusCreated).doc()
	require.EqualValues(t, 4, promoted.Version)
	require.Equal(t, held.Digest, promoted.Digest, "a copy")
	require.False(t, promoted.Held)
	require.Equal(t, "it is good", promoted.Message)
	require.EqualValues(t, 4, r.get("/params/model-a").doc().Version)

	back := r.do("POST", "/params/model-a/rollback", `{"version":1}`).is(http.StatusCreated).doc()
	require.EqualValues(t, 5, back.Version)
	require.Equal(t, current.doc().Digest, back.Digest)
	require.EqualValues(t, 5, r.get("/params/model-a").doc().Version)

	// A model of which all versions are held has no current document, but is known.
	r.do("PUT", "/params/model-h?hold=true", `{"params":1,"schema":{}}`).is(http.StatusCreated)
	r.get("/params/model-h").refused(404, "model-h has no document that is not held")
	require.NotContains(t, r.get("/params").body, "model-h")
	require.Equal(t, "{}", r.get("/params/model-h/schema").is(http.StatusOK).body)
	r.do("PATCH", "/params/model-h?hold=true", `{"params":2}`).is(http.StatusCreated)
	r.do("POST", "/params/model-h/promote", `{"version":2}`).is(http.StatusCreated)
	require.Equal(t, "2", string(r.get("/params/model-h").doc().Params))
}

// TestIdempotencyKey: a request with a key is made once, however often it is sent.
func TestIdempotencyKey(t *testing.T) {
	r := newRig(t).known()
	first := r.do("PUT", "/params/model-a", bias("5"), "Idempotency-Key", "k").is(http.StatusCreated)
	again := openRig(t, r.folder) // after a restart, or another replica
	for _, r := range []*rig{r, again} {
		require.Equal(t, first.body, r.do("PUT", "/params/model-a", bias("5"), "Idempotency-Key", "k").is(http.StatusCreated).body)
		const used = "Idempotency-Key: was used for another request"
		r.do("PUT", "/params/model-a", bias("6"), "Idempotency-Key", "k").refused(400, used)
		r.do("PUT", "/params/model-a?hold=1", bias("5"), "Idempotency-Key", "k").refused(400, used)
		r.do("PATCH", "/params/model-a", bias("5"), "Idempotency-Key", "k").refused(400, used)
		r.do("PUT", "/params/model-a", bias("5"), "Idempotency-Key", "k", "If-Match", "*").refused(400, used)
	}
	require.EqualValues(t, 2, r.get("/params/model-a").doc().Version)

	// It holds for a write that expected what was current before it.
	etag := r.get("/params/model-a").etag()
	for range 2 {
		require.EqualValues(t, 3, r.do("PUT", "/params/model-a", bias("7"), "If-Match", etag, "Idempotency-Key", "m").is(http.StatusCreated).doc().Version)
	}
	require.EqualValues(t, 4, r.do("PUT", "/params/model-a", bias("7"), "Idempotency-Key", "other").doc().Version)

	// All at once, at two registries.
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			a, err := []*rig{r, again}[i%2].try(t.Context(), "PUT", "/params/model-a", bias("8"), "Idempotency-Key", "at once")
			assert.NoError(t, err)
			assert.Equal(t, http.StatusCreated, a.status, a.body)
			assert.Contains(t, a.body, `"version":5,`)
		})
	}
	group.Wait()
	require.EqualValues(t, 5, r.get("/params/model-a").doc().Version)
}

// TestIdempotencyWindow: a key is known for 64 versions, and costs no reads of them.
func TestIdempotencyWindow(t *testing.T) {
	r := newRig(t).known() // version 1
	put := func(key string) int64 {
		return r.do("PUT", "/params/model-a", bias("5"), "Idempotency-Key", key).is(http.StatusCreated).doc().Version
	}
	require.EqualValues(t, 2, put("first"))
	for v := int64(3); v < 2+useWindow; v++ {
		require.Equal(t, v, put(fmt.Sprint(v)))
	}
	require.EqualValues(t, 2, put("first"), "the last moment")
	require.EqualValues(t, 2+useWindow, put("one more"))
	require.EqualValues(t, 2+useWindow+1, put("first"), "out of the window")
	rec, err := r.registry.read(context.Background(), "model-a", 2+useWindow+1)
	require.NoError(t, err)
	require.Len(t, rec.Uses, useWindow)
}

// TestAuthor: who has a token is the author; who has none reads.
func TestAuthor(t *testing.T) {
	hash := func(s string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s))) }
	r := newRig(t, tokens(t, "alice "+hash("a-secret"), "bob "+hash("b-secret")))
	put := func(token string) heard {
		return r.do("PUT", "/params/model-a", `{"params":`+paramsA+`,"schema":`+schemaA+`}`, "Authorization", token)
	}
	require.Equal(t, "alice", put("Bearer a-secret").is(http.StatusCreated).doc().Author)
	require.Equal(t, "bob", put("bearer b-secret").is(http.StatusCreated).doc().Author)
	a := put("").refused(401, "a bearer token is needed")
	require.Equal(t, `Bearer realm="modelfn"`, a.header.Get("Www-Authenticate"))
	put("Bearer c-secret").refused(401, "the bearer token is not known")
	for _, route := range []string{"PATCH /params/model-a", "PUT /params", "POST /params/model-a/promote", "POST /params/model-a/rollback", "PUT /params/model-zzz"} {
		method, path, _ := strings.Cut(route, " ")
		r.do(method, path, "{").refused(401, "a bearer token is needed")
	}
	require.EqualValues(t, 2, r.get("/params/model-a").is(http.StatusOK).doc().Version)
}
