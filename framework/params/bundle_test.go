package params_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

func encode(t testing.TB, docs ...params.Document) []byte {
	t.Helper()
	text, err := (&params.Bundle{Documents: docs}).Encode()
	require.NoError(t, err)
	return text
}

func ExampleBundle() {
	d, err := params.New("component-d", nil, []byte(`{"mean":[26.4]}`))
	if err != nil {
		panic(err)
	}
	a, err := params.New("model-a", map[string]params.Pin{"component-d": d.Pin()}, []byte(`{"weights":[1.5]}`))
	if err != nil {
		panic(err)
	}
	text, err := (&params.Bundle{Documents: []params.Document{a, d}}).Encode()
	if err != nil {
		panic(err)
	}

	b, err := params.ParseBundle(text)
	if err != nil {
		panic(err)
	}
	set, err := b.Set("model-a")
	fmt.Println(string(set.Params), string(set.Components["component-d"].Params), err)
	// Output: {
	//         "weights": [
	//           1.5
	//         ]
	//       } {
	//         "mean": [
	//           26.4
	//         ]
	//       } <nil>
}

func TestBundleRoundTrip(t *testing.T) {
	d := document(t, "component-d", 3, nil, `{"mean":[1.50,-0]}`)
	a := document(t, "model-a", 7, pins(d), `{"w":["\u00e9",1e2]}`)
	a.Held, a.Author, a.Message = true, "alice", "a <b> & c"
	a.Created = time.Date(2025, 3, 4, 5, 6, 7, 891e6, time.UTC)

	text := encode(t, a, d)
	assert.Equal(t, byte('\n'), text[len(text)-1])
	assert.Contains(t, string(text), "a <b> & c", "it is read by people")
	b, err := params.ParseBundle(text)
	require.NoError(t, err)
	require.Len(t, b.Documents, 2)
	got := b.Documents[0]
	got.Params = a.Params
	assert.Equal(t, a, got)
	assert.JSONEq(t, string(a.Params), string(b.Documents[0].Params))

	again, err := b.Encode()
	require.NoError(t, err)
	assert.Equal(t, string(text), string(again))
}

func TestEncodeIsDeterministic(t *testing.T) {
	var docs []params.Document
	for i := range 20 {
		docs = append(docs, document(t, fmt.Sprintf("c%d", i), int64(i), nil, `{}`))
	}
	a := document(t, "model-a", 0, pins(docs...), `{}`)
	first := encode(t, a)
	for range 50 {
		require.Equal(t, string(first), string(encode(t, a)))
	}
	assert.Less(t, strings.Index(string(first), `"c0"`), strings.Index(string(first), `"c1"`))
}

// text is one document as it stands in a bundle.
func text(t testing.TB, d params.Document) string {
	t.Helper()
	b, err := json.Marshal(d)
	require.NoError(t, err)
	return string(b)
}

func TestParseBundleRefuses(t *testing.T) {
	good := document(t, "model-a", 7, nil, `{"w":1}`)
	wrong := good
	wrong.Digest = "sha256:" + strings.Repeat("0", 64)
	other := document(t, "model-a", 7, nil, `{"w":2}`)
	replace := func(old, replacement string) string { return strings.Replace(text(t, good), old, replacement, 1) }
	tests := []struct{ name, text, want string }{
		{"nothing", ``, "not valid JSON: it ends too early"},
		{"another shape", `[]`, "not an object"},
		{"no documents", `{"documents":[]}`, "documents: has 0 items, at least 1 are needed"},
		{"an unknown field", `{"documents":[` + text(t, good) + `],"version":1}`, "version: unknown field"},
		{"an unknown field of a document", `{"documents":[` + replace(`"model"`, `"Model"`) + `]}`, "documents[0].Model: unknown field; documents[0].model: missing"},
		{"a document that is null", `{"documents":[null]}`, "documents[0]: null instead of an object"},
		{"a field that is there twice", `{"documents":[` + replace(`"version"`, `"model":"x","version"`) + `]}`, "documents[0].model: there twice"},
		{"a missing digest", `{"documents":[{"model":"model-a","version":1,"params":{}}]}`, "documents[0].digest: missing"},
		{"a version that is no integer", `{"documents":[` + replace(`:7`, `:7.5`) + `]}`, "documents[0].version: not an integer"},
		{"a negative version", `{"documents":[` + replace(`:7`, `:-7`) + `]}`, "documents[0].version: -7 is not at least 0 and at most 9007199254740992"},
		{"a number that is not exact", `{"documents":[` + replace(`{"w":1}`, `{"w":9007199254740993}`) + `]}`, "documents[0].params.w: an integer beyond ±2^53 is not exact"},
		{"a digest that does not fit", `{"documents":[` + text(t, good) + `,` + text(t, wrong) + `]}`, "documents[1].digest: " + wrong.Digest + " does not fit the content, which has " + good.Digest},
		{"changed params", `{"documents":[` + replace(`{"w":1}`, `{"w":3}`) + `]}`, "documents[0].digest: " + good.Digest + " does not fit the content"},
		{"a version with two contents", `{"documents":[` + text(t, good) + `,` + text(t, other) + `]}`, "documents[1]: version 7 of model-a is there twice, with other content"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := params.ParseBundle([]byte(tt.text))
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, fault.Invalid, fault.From(err).Kind)
		})
	}
	t.Run("but not a document written by hand, without a digest", func(t *testing.T) {
		b, err := params.ParseBundle([]byte(`{"documents":[{"model":"model-a","version":0,"params":{}}]}`))
		require.NoError(t, err)
		require.Equal(t, document(t, "model-a", 0, nil, `{}`).Digest, b.Documents[0].Digest)
	})
	t.Run("but not the same content twice", func(t *testing.T) {
		_, err := params.ParseBundle(encode(t, good, good))
		require.NoError(t, err)
	})
}

func TestSet(t *testing.T) {
	e := document(t, "component-e", 1, nil, `{"e":1}`)
	d3 := document(t, "component-d", 3, pins(e), `{"mean":[1]}`)
	d4 := document(t, "component-d", 4, nil, `{"mean":[2]}`)
	a := document(t, "model-a", 7, pins(d3), `{"w":1}`)
	a8 := document(t, "model-a", 8, pins(d4), `{"w":1}`)
	both := document(t, "model-b", 1, pins(d3, document(t, "component-e", 2, nil, `{"e":2}`)), `{}`)
	again := document(t, "model-c", 1, pins(d3, e), `{}`)
	tests := []struct {
		name  string
		docs  []params.Document
		model string
		parts []params.Document
		want  string
	}{
		{"a document alone", []params.Document{e, a}, "component-e", nil, ""},
		{"a component", []params.Document{d3, e}, "component-d", []params.Document{e}, ""},
		{"what is required, and what that requires", []params.Document{e, d4, d3, a}, "model-a", []params.Document{d3, e}, ""},
		{"the version that is required", []params.Document{d4, a8, d3}, "model-a", []params.Document{d4}, ""},
		{"one that is required twice", []params.Document{again, d3, e}, "model-c", []params.Document{d3, e}, ""},
		{"no such model", []params.Document{a, d3, e}, "model-b", nil, "documents: no document of model-b"},
		{"two of the model", []params.Document{a, a8, d3, d4, e}, "model-a", nil, "documents: two documents of model-a"},
		{"what is required is missing", []params.Document{a, d4}, "model-a", nil,
			"documents: model-a requires component-d version 3 with " + d3.Digest + ", which is not there"},
		{"what a component requires is missing", []params.Document{a, d3}, "model-a", nil,
			"documents: component-d requires component-e version 1 with " + e.Digest + ", which is not there"},
		{"the version is there with another digest", []params.Document{a, document(t, "component-d", 3, nil, `{"mean":[9]}`)}, "model-a", nil, "which is not there"},
		{"two versions of a component", []params.Document{both, d3, e, document(t, "component-e", 2, nil, `{"e":2}`)}, "model-b", nil,
			"requires: component-e is required in two versions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := (&params.Bundle{Documents: tt.docs}).Set(tt.model)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				assert.Equal(t, fault.Invalid, fault.From(err).Kind)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.model, set.Model)
			var want map[string]params.Document
			for _, d := range tt.parts {
				if want == nil {
					want = map[string]params.Document{}
				}
				want[d.Model] = d
			}
			assert.Equal(t, want, set.Components)
		})
	}
}

// TestLargeBundle holds that the time for many components grows with their number.
func TestLargeBundle(t *testing.T) {
	var docs []params.Document
	for i := range 200 {
		docs = append(docs, document(t, fmt.Sprintf("c%d", i), 1, pins(docs...), `{}`))
	}
	a := document(t, "model-a", 1, pins(docs...), `{}`)
	b, err := params.ParseBundle(encode(t, append(docs, a)...))
	require.NoError(t, err)
	set, err := b.Set("model-a")
	require.NoError(t, err)
	assert.Len(t, set.Components, 200)
}

// FuzzParseBundle holds that no text makes the parser panic, and that what it takes
// is written and read as the same.
func FuzzParseBundle(f *testing.F) {
	d := document(f, "component-d", 3, nil, `{"mean":[1.50,-0,1e17]}`)
	a := document(f, "model-a", 7, pins(d), `{"w":["\u00e9",null,{"a":true}]}`)
	a.Created = time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	f.Add(encode(f, a, d))
	f.Add(encode(f, document(f, "m", 0, nil, "null")))
	f.Add([]byte(`{"documents":[]}`))
	f.Add([]byte(`{"documents":[{"model":"m","version":0,"digest":"","params":[[[[`))
	f.Add([]byte(`{"documents":[{"model":"m","version":0,"digest":"","params":1,"requires":{"d":{"version":1,"digest":""}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := params.ParseBundle(data)
		if err != nil {
			require.Equal(t, fault.Invalid, fault.From(err).Kind, "%v", err)
			return
		}
		first, err := b.Encode()
		require.NoError(t, err)
		again, err := params.ParseBundle(first)
		require.NoError(t, err, "%s", first)
		second, err := again.Encode()
		require.NoError(t, err)
		require.Equal(t, string(first), string(second))
		for i := range b.Documents {
			require.Equal(t, b.Documents[i].Digest, again.Documents[i].Digest)
			set, err := again.Set(b.Documents[i].Model)
			require.True(t, err != nil || set.Digest != "")
		}
	})
}
