package params_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

// document returns a valid document.
func document(t testing.TB, model string, version int64, requires map[string]params.Pin, text string) params.Document {
	t.Helper()
	d, err := params.New(model, requires, jsontext.Value(text))
	require.NoError(t, err)
	d.Version = version
	return d
}

// pins returns what requires documents.
func pins(docs ...params.Document) map[string]params.Pin {
	m := map[string]params.Pin{}
	for _, d := range docs {
		m[d.Model] = d.Pin()
	}
	return m
}

// digestOf is the digest of a text that is canonical already.
func digestOf(canonical string) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(canonical)))
}

func ExampleDigest() {
	digest, err := params.Digest("component-d", nil, jsontext.Value(`{"mean": [26.40], "std": [4.418]}`))
	fmt.Println(digest, err)
	same, _ := params.Digest("component-d", nil, jsontext.Value(`{"std":[4.4180],"mean":[2.64e1]}`))
	fmt.Println(same == digest)
	// Output:
	// sha256:e56ea4b7bbabb68a2db0f27dcab1e3a57d7166e81719258fcbedeccf0dc0779f <nil>
	// true
}

// TestDigestIsOfTheCanonicalForm has the examples of RFC 8785, sections 3.2.2 and
// 3.2.3.
func TestDigestIsOfTheCanonicalForm(t *testing.T) {
	tests := []struct{ name, text, canonical string }{
		{"null", `null`, `null`},
		{"literals, numbers and strings", `{
			"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
			"literals": [null, true, false]
		}`, `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		{"the order of names, by UTF-16", `{
			"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
			"\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
		}`, `{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`},
		{"no Unicode normalization", `["A\u030a", "\u00c5"]`, "[\"A\u030a\",\"\u00c5\"]"},
		{"nested objects", `{"b":{"z":1,"a":[{"y":2,"x":3}]},"a":{}}`, `{"a":{},"b":{"a":[{"x":3,"y":2}],"z":1}}`},
		{"minus zero", `[-0, -0.0e5]`, `[0,0]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := params.Digest("m", nil, jsontext.Value(tt.text))
			require.NoError(t, err)
			assert.Equal(t, digestOf(`{"model":"m","params":`+tt.canonical+`,"requires":{}}`), got)
		})
	}
}

// TestDigestNumbers has the numbers of RFC 8785, appendix B.
func TestDigestNumbers(t *testing.T) {
	for bits, canonical := range map[uint64]string{
		0x0000000000000000: "0", 0x8000000000000000: "0",
		0x0000000000000001: "5e-324", 0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308", 0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992", 0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22", 0x44b52d02c7e14af6: "1e+23", 0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000", 0x444b1ae4d6e2ef4f: "999999999999999900000", 0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7", 0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332", 0x41b3de4355555554: "333333333.33333325", 0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334", 0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333", 0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		text := strconv.FormatFloat(math.Float64frombits(bits), 'e', -1, 64)
		got, err := params.Digest("m", nil, jsontext.Value(text))
		require.NoError(t, err)
		assert.Equal(t, digestOf(`{"model":"m","params":`+canonical+`,"requires":{}}`), got, "%x: %s", bits, text)
	}
}

func TestDigestRequires(t *testing.T) {
	d := params.Pin{Version: 3, Digest: "sha256:" + strings.Repeat("ab", 32)}
	got, err := params.Digest("model-a", map[string]params.Pin{"z": {Version: 0, Digest: "x"}, "component-d": d}, jsontext.Value(`[1]`))
	require.NoError(t, err)
	assert.Equal(t, digestOf(`{"model":"model-a","params":[1],"requires":{"component-d":{"digest":"`+d.Digest+`","version":3},"z":{"digest":"x","version":0}}}`), got)

	none, err := params.Digest("model-a", nil, jsontext.Value(`[1]`))
	require.NoError(t, err)
	empty, err := params.Digest("model-a", map[string]params.Pin{}, jsontext.Value(`[1]`))
	require.NoError(t, err)
	assert.Equal(t, none, empty)
}

// TestDigestDependsOnTheContentAlone holds what the digest is of, and what not.
func TestDigestDependsOnTheContentAlone(t *testing.T) {
	other := document(t, "component-d", 3, nil, `{"mean":[1]}`)
	base := document(t, "model-a", 7, pins(other), `{"w":[1,2]}`)

	same := base
	same.Version, same.Held, same.Author, same.Message, same.Created = 8, true, "alice", "new weights", time.Now()
	same.Params = jsontext.Value(" {\n\"w\" : [ 1.0, 2e0 ] } ")
	require.NoError(t, same.Check(), "version, hold, author, message, time and white space are not in it")

	for name, change := range map[string]func(*params.Document){
		"model":                func(d *params.Document) { d.Model = "model-b" },
		"params":               func(d *params.Document) { d.Params = jsontext.Value(`{"w":[2,1]}`) },
		"a component's params": func(d *params.Document) { d.Requires = pins(document(t, "component-d", 3, nil, `{"mean":[2]}`)) },
		"a pinned version":     func(d *params.Document) { d.Requires = pins(document(t, "component-d", 4, nil, `{"mean":[1]}`)) },
		"no requirement":       func(d *params.Document) { d.Requires = nil },
	} {
		changed := base
		change(&changed)
		err := changed.Check()
		require.ErrorContains(t, err, "does not fit the content", name)
		assert.Equal(t, "digest", fault.From(err).Path)
	}
}

func TestDigestRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{`{"w":[1,`, "params.w: not valid JSON: it ends too early"},
		{`{"w":1}{}`, "params: not valid JSON: there is more than one value"},
		{`{"w":1,"w":1}`, "params.w: there twice"},
		{"{\"w\":\"\xff\"}", "params.w: not valid JSON: invalid UTF-8"},
		{`{"w":[0,9007199254740993]}`, "params.w[1]: an integer beyond ±2^53 is not exact"},
		{`{"w":1e400}`, "params.w: out of range for a 64-bit number"},
		{`{"w":1e-400}`, "params.w: too small for a 64-bit number"},
	}
	for _, tt := range tests {
		_, err := params.New("model-a", nil, jsontext.Value(tt.text))
		require.Error(t, err, tt.text)
		assert.Equal(t, fault.Invalid, fault.From(err).Kind)
		assert.Equal(t, tt.want, fault.From(err).Public())
	}
}

func TestCheck(t *testing.T) {
	good := params.Pin{Version: 1, Digest: "sha256:" + strings.Repeat("0f", 32)}
	tests := []struct {
		name     string
		model    string
		version  int64
		requires map[string]params.Pin
		want     string
	}{
		{"a document", "model-a", 0, map[string]params.Pin{"component-d": good}, ""},
		{"the longest name", "a" + strings.Repeat("-", 61) + "z", 1 << 40, nil, ""},
		{"a name of one letter", "a", 1, nil, ""},
		{"no name", "", 0, nil, `model: "" is not a name: it takes up to 63 of a-z, 0-9 and -, from a letter on`},
		{"a name too long", strings.Repeat("a", 64), 0, nil, `is not a name`},
		{"a capital", "Model", 0, nil, `model: "Model" is not a name`},
		{"an underscore", "model_a", 0, nil, `is not a name`},
		{"a digit first", "1a", 0, nil, `is not a name`},
		{"a dash last", "a-", 0, nil, `is not a name`},
		{"a newline last", "a\n", 0, nil, `is not a name`},
		{"a negative version", "model-a", -1, nil, `version: -1 is negative`},
		{"a bad name required", "model-a", 0, map[string]params.Pin{"D": good}, `requires.D: not a name`},
		{"itself required", "model-a", 0, map[string]params.Pin{"model-a": good}, `requires.model-a: a model cannot require itself`},
		{"a negative version required", "model-a", 0, map[string]params.Pin{"d": {Version: -2, Digest: good.Digest}}, `requires.d.version: -2 is negative`},
		{"no digest required", "model-a", 0, map[string]params.Pin{"d": {Version: 2}}, `requires.d.digest: not a digest: sha256: and 64 hexadecimal digits`},
		{"an upper-case digest", "model-a", 0, map[string]params.Pin{"d": {Digest: strings.ToUpper(good.Digest)}}, `requires.d.digest: not a digest`},
		{"all of it at once, in order", "A", -1, map[string]params.Pin{"z": {}, "b": {}},
			`model: "A" is not a name: it takes up to 63 of a-z, 0-9 and -, from a letter on; version: -1 is negative; requires.b.digest: not a digest: sha256: and 64 hexadecimal digits; requires.z.digest: not a digest: sha256: and 64 hexadecimal digits`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := params.Document{Model: tt.model, Version: tt.version, Requires: tt.requires, Params: jsontext.Value(`[]`)}
			var err error
			d.Digest, err = params.Digest(d.Model, d.Requires, d.Params)
			require.NoError(t, err)
			err = d.Check()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, fault.Invalid, fault.From(err).Kind)
		})
	}
	t.Run("another digest names both", func(t *testing.T) {
		d := document(t, "model-a", 1, nil, `[1]`)
		right := d.Digest
		d.Digest = good.Digest
		require.EqualError(t, d.Check(), "digest: "+good.Digest+" does not fit the content, which has "+right)
	})
}
