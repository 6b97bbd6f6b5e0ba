package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/folder"
	"github.com/modelfn/modelfn/functions/registry/store/storetest"
)

// pinsNew is a request that writes D, and A and B on it.
const pinsNew = `{
	"model-a":{"params":` + paramsA + `,"requires":{"component-d":"new"},"schema":` + schemaA + `},
	"model-b":{"params":` + paramsA + `,"requires":{"component-d":"new"},"schema":` + schemaA + `,"message":"b"},
	"component-d":{"params":` + paramsD + `,"schema":` + schemaD + `}}`

func (a heard) outcomes() map[string]Outcome {
	a.t.Helper()
	var all map[string]Outcome
	require.NoError(a.t, json.Unmarshal([]byte(a.body), &all, json.RejectUnknownMembers(true)), a.body)
	return all
}

// TestManyAtOnce: one request writes a component and the models that pin it as new.
func TestManyAtOnce(t *testing.T) {
	r := newRig(t)
	for version := int64(1); version <= 2; version++ {
		a := r.do("PUT", "/params", pinsNew).is(http.StatusOK)
		require.Len(t, a.outcomes(), 3)
		d := r.get("/params/component-d").doc()
		for _, name := range []string{"component-d", "model-a", "model-b"} {
			doc := r.get("/params/" + name).doc()
			require.Equal(t, Outcome{Status: 200, Version: version, Digest: doc.Digest}, a.outcomes()[name])
			if name != "component-d" {
				require.Equal(t, d.Pin(), doc.Requires["component-d"])
			}
		}
	}
	require.Equal(t, "b", r.get("/params/model-b").doc().Message)
	require.Equal(t, "component-d", r.changes[0].Model, "the component goes first")
	require.Equal(t, "component-d", r.changes[3].Model)

	// A chain: what A pins as new pins another as new. A pin of old stays one.
	pin := r.get("/params/component-d").doc().Pin()
	body := fmt.Sprintf(`{"component-a":{"params":1,"schema":{},"requires":{"component-z":"new","component-d":{"version":%d,"digest":%q}}},
		"model-x":{"params":1,"schema":{},"requires":{"component-a":"new"},"hold":true},"component-z":{"params":2,"schema":{}}}`, pin.Version, pin.Digest)
	r.do("PUT", "/params", body).is(http.StatusOK)
	a := r.get("/params/component-a").doc()
	require.Equal(t, r.get("/params/component-z").doc().Pin(), a.Requires["component-z"])
	require.Equal(t, pin, a.Requires["component-d"])
	x := r.get("/params/model-x/versions/1").doc()
	require.True(t, x.Held)
	require.Equal(t, a.Pin(), x.Requires["component-a"])
}

// TestManyRefused: what is wrong in itself refuses the whole request, and nothing
// is written.
func TestManyRefused(t *testing.T) {
	r := newRig(t).known()
	a := func(s string) string { return `{"component-d":{"params":` + paramsD + `},"model-a":{` + s + `}}` }
	for body, c := range map[string]struct {
		status  int
		message string
	}{
		`{}`:                         {400, `the request names no model`},
		`[]`:                         {400, `not an object`},
		`{"model-a":1}`:              {400, `model-a: not an object`},
		a(`"params":1,"held":true`):  {400, `model-a.held: unknown field`},
		a(`"message":"x"`):           {400, `model-a.params: missing`},
		a(`"params":{"weights":[]}`): {400, `model-a.params.bias: missing; model-a.params.weights: minItems: got 0, want 3`},
		a(`"params":` + paramsA + `,"requires":{"component-d":"old"}`):                         {400, `model-a.requires.component-d: not an object`},
		a(`"params":` + paramsA + `,"requires":{"component-e":"new"}`):                         {400, `model-a.requires.component-e: "new", but the request does not write it`},
		a(`"params":` + paramsA + `,"requires":{"model-a":"new"}`):                             {400, `model-a.requires: requires itself through others`},
		`{"component-d":{"params":` + paramsD + `},"model-z":{"params":1}}`:                    {404, `there is no model "model-z"`},
		`{"component-d":{"params":` + paramsD + `},"Model_Z":{"params":1,"schema":{}}}`:        {400, `Model_Z: not the name of a model`},
		`{"component-d":{"params":{"mean":[],"scale":[0]}},"model-a":{"params":{"bias":"x"}}}`: {400, `component-d.params.scale[0]: 0 is not above 0; params.weights: missing`},
	} {
		answer := r.do("PUT", "/params", body).is(c.status)
		if strings.HasPrefix(c.message, "component-d.params.scale[0]") { // of two models; each in full
			require.Contains(t, answer.body, c.message[:43])
			require.Contains(t, answer.body, "model-a.params.weights: missing; model-a.params.bias: got string, want number")
			continue
		}
		answer.refused(c.status, c.message)
	}
	r.do("PUT", "/params?flags=1", pinsNew).refused(400, "flags: unknown parameter")
	for _, name := range []string{"model-a", "component-d"} {
		require.EqualValues(t, 1, r.get("/params/"+name).doc().Version)
	}
}

// TestManyConflict: if a write expects another document than the current one,
// nothing is written, and everyone's outcome is told.
func TestManyConflict(t *testing.T) {
	r := newRig(t).known()
	etag := r.get("/params/model-a").etag()
	current := r.do("PUT", "/params/model-a", bias("5")).doc()
	body := func(ifMatch string) string {
		return fmt.Sprintf(`{"component-d":{"params":%s},"model-a":{"params":%s,"requires":{"component-d":"new"},"ifMatch":%q}}`, paramsD, paramsA, ifMatch)
	}
	outcomes := r.do("PUT", "/params", body(etag)).is(http.StatusConflict).outcomes()
	require.Equal(t, Outcome{Status: 424, Error: "model-a was not written"}, outcomes["component-d"])
	require.Equal(t, Outcome{Status: 412, Error: "version 2 of model-a is current now", Current: &current}, outcomes["model-a"])
	require.EqualValues(t, 1, r.get("/params/component-d").doc().Version)

	r.do("PUT", "/params", body(r.get("/params/model-a").etag())).is(http.StatusOK)
	require.EqualValues(t, 2, r.get("/params/component-d").doc().Version)
}

// TestManyRepeated: a request that was cut short between two writes is sent again,
// to another registry, and makes what is left.
func TestManyRepeated(t *testing.T) {
	path := t.TempDir()
	objects, err := folder.Open(path)
	require.NoError(t, err)
	defer objects.Close()
	broken := &storetest.Tap{Objects: objects, Before: func(call, key string) error {
		if call == "Create" && strings.HasPrefix(key, "params/model-a") {
			return store.Unavailable(errors.New("the disk is on fire"))
		}
		return nil
	}}
	cut := openRig(t, path, over(broken)).do("PUT", "/params", pinsNew, "Idempotency-Key", "k").is(http.StatusConflict)
	outcomes := cut.outcomes()
	require.Equal(t, 200, outcomes["component-d"].Status)
	require.Equal(t, 200, outcomes["model-b"].Status)
	require.Equal(t, Outcome{Status: 503, Error: "the store of params cannot be reached"}, outcomes["model-a"])

	r := openRig(t, path)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			a, err := r.try(t.Context(), "PUT", "/params", pinsNew, "Idempotency-Key", "k")
			assert.NoError(t, err)
			assert.Equal(t, 200, a.status, a.body)
		})
	}
	group.Wait()
	again := r.do("PUT", "/params", pinsNew, "Idempotency-Key", "k").is(http.StatusOK).outcomes()
	require.Equal(t, outcomes["component-d"], again["component-d"])
	require.Equal(t, outcomes["model-b"], again["model-b"])
	for _, name := range []string{"component-d", "model-a", "model-b"} {
		require.EqualValues(t, 1, r.get("/params/"+name).doc().Version)
	}
	require.Equal(t, r.get("/params/component-d").doc().Pin(), r.get("/params/model-a").doc().Requires["component-d"])

	// The same key on another request writes nothing, not even what it did not name.
	other := `{"component-d":{"params":` + paramsD + `},"model-n":{"params":1,"schema":{}}}`
	r.do("PUT", "/params", other, "Idempotency-Key", "k").refused(400, "component-d.Idempotency-Key: was used for another request")
	r.get("/params/model-n").is(http.StatusNotFound)
}

// TestManyRepeatedAfterAChange: what was made stands, even if it would not be made
// now; what was not made is subject to what is current now.
func TestManyRepeatedAfterAChange(t *testing.T) {
	r := newRig(t).known()
	body := fmt.Sprintf(`{"component-d":{"params":%s,"ifMatch":%q},"model-a":{"params":%s,"ifMatch":%q}}`,
		paramsD, r.get("/params/component-d").etag(), paramsA, r.get("/params/model-a").etag())
	made := r.do("PUT", "/params", body, "Idempotency-Key", "k").is(http.StatusOK)
	r.do("PUT", "/params/model-a", bias("5")).is(http.StatusCreated)
	require.Equal(t, made.body, r.do("PUT", "/params", body, "Idempotency-Key", "k").is(http.StatusOK).body)
}

// TestFlat: every single value of every model has a name of its own.
func TestFlat(t *testing.T) {
	r := newRig(t).known()
	const all = `{"param_a_1":1,"param_a_2":2,"param_a_3":3,"param_a_4":4,"param_d_1":5,"param_d_2":6,"param_d_3":7,"param_d_4":8,"param_d_5":9,"param_d_6":10}`
	require.Equal(t, all, r.get("/params?flat=1").is(http.StatusOK).body)
	r.get("/params?flat=maybe").refused(400, "flat: neither true nor false")

	// The order is that of the schema, not that of the document.
	r.do("PUT", "/params/model-a", `{"params":{"bias":4,"weights":[1,2,3]}}`).is(http.StatusCreated)
	require.Equal(t, all, r.get("/params?flat=1").body)

	outcomes := r.do("PUT", "/params", `{"param_a_2":20,"param_d_6":11.50}`).is(http.StatusOK).outcomes()
	require.EqualValues(t, 3, outcomes["model-a"].Version)
	require.EqualValues(t, 2, outcomes["component-d"].Version)
	require.Equal(t, `{"weights":[1,20,3],"bias":4}`, string(r.get("/params/model-a").doc().Params))
	require.Equal(t, `{"mean":[5,6,7],"scale":[8,9,11.50]}`, string(r.get("/params/component-d").doc().Params))
	r.do("PUT", "/params?flat=1", `{"param_a_4":-1}`, "Idempotency-Key", "k").is(http.StatusOK)
	require.EqualValues(t, 4, r.do("PUT", "/params?flat=1", `{"param_a_4":-1}`, "Idempotency-Key", "k").is(http.StatusOK).outcomes()["model-a"].Version)

	for body, message := range map[string]string{
		`{"param_a_5":1}`:                `param_a_5: no such value`,
		`{"param_a_1":[1]}`:              `param_a_1: not a single value`,
		`{"param_a_1":"x"}`:              `model-a.params.weights[0]: got string, want number`,
		`{"param_a_1":1e999}`:            `param_a_1: out of range for a 64-bit number`,
		`{"param_a_1":1,"model-a":true}`: `model-a: not an object`,
	} {
		r.do("PUT", "/params", body).is(http.StatusBadRequest)
		if !strings.Contains(message, "not an object") {
			r.do("PUT", "/params", body).refused(400, message)
		}
	}
	r.do("PUT", "/params?flat=1", `{"model-a":1}`).refused(400, "model-a: no such value")
	require.EqualValues(t, 4, r.get("/params/model-a").doc().Version)
}

func TestFlatNames(t *testing.T) {
	require.Equal(t, map[string]string{
		"model-a": "model_a", "component-a": "component_a", "model-b": "b", "component-d": "d", "spam-filter": "spam_filter",
		"model-model-a": "model_model_a", "model-component-x": "component_x",
	}, flatNames([]string{"model-a", "component-a", "model-b", "component-d", "spam-filter", "model-model-a", "model-component-x"}))
}
