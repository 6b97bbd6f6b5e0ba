package schema_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
)

// everything has each kind of field that there is.
type everything struct {
	Yes     bool                    `json:"yes"`
	Float   float64                 `json:"float" doc:"A number." unit:"kg/m²" min:"-1" max:"1e6"`
	Narrow  float32                 `json:"narrow" above:"-1" below:"1"`
	Int     int                     `json:"int"`
	Int8    int8                    `json:"int8"`
	Uint16  uint16                  `json:"uint16" max:"1000" doc:"Narrower than its type."`
	Uint64  uint64                  `json:"uint64"`
	Level   string                  `json:"level" enum:"low,high"`
	When    time.Time               `json:"when"`
	Addr    netip.Addr              `json:"addr"`
	Three   []float64               `json:"three" len:"3" min:"0" doc:"A range holds for each item."`
	Some    []string                `json:"some" minlen:"1" maxlen:"2" enum:"a,b"`
	Pair    [2]int32                `json:"pair"`
	Rows    [][]float64             `json:"rows" maxlen:"2" above:"0"`
	Inner   inner                   `json:"inner" doc:"An object in an object."`
	List    []inner                 `json:"list"`
	Pointer *inner                  `json:"pointer,omitzero"`
	Map     map[string]float64      `json:"map,omitzero" min:"0"`
	Deep    map[string][]inner      `json:"deep,omitempty"`
	Any     any                     `json:"any,omitzero"`
	Raw     jsontext.Value          `json:"raw,omitzero"`
	Maps    []map[string]*[]float64 `json:"maps,omitzero,omitempty"`
	Hidden  chan int                `json:"-"`
	private chan int                //nolint:unused // it is there to be left out
}

type inner struct {
	A float64 `json:"a"`
	B string  `json:"b,omitzero"`
}

// valid is an everything without its optional fields.
const valid = `{"yes":true,"float":1.5,"narrow":0.5,"int":-7,"int8":-128,"uint16":1000,"uint64":9007199254740992,
	"level":"low","when":"2024-02-29T12:00:00.25+01:00","addr":"127.0.0.1","three":[0,1,2],"some":["a","b"],
	"pair":[1,2],"rows":[[0.5],[]],"inner":{"a":1},"list":[{"a":1,"b":"x"},{"a":2}]}`

// with returns valid with other members. A name in it is replaced.
func with(t *testing.T, members string) string {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(valid), &all))
	require.NoError(t, json.Unmarshal([]byte("{"+members+"}"), &all))
	text, err := json.Marshal(all)
	require.NoError(t, err)
	return string(text)
}

func TestDecodeGivesTheValue(t *testing.T) {
	got, err := schema.Decode[everything]([]byte(with(t,
		`"pointer":{"a":0.25},"map":{"x":1},"deep":{"y":[{"a":3}]},"any":{"free":[1,null,"x"]},"raw":{"z":[1.0]},"maps":[{"k":[1]}]`)))
	require.NoError(t, err)
	ten := time.FixedZone("", 3600)
	assert.True(t, got.When.Equal(time.Date(2024, 2, 29, 12, 0, 0, 250e6, ten)))
	got.When = time.Time{}
	assert.Equal(t, everything{
		Yes: true, Float: 1.5, Narrow: 0.5, Int: -7, Int8: -128, Uint16: 1000, Uint64: 1 << 53, Level: "low",
		Addr: netip.MustParseAddr("127.0.0.1"), Three: []float64{0, 1, 2}, Some: []string{"a", "b"}, Pair: [2]int32{1, 2},
		Rows: [][]float64{{0.5}, {}}, Inner: inner{A: 1}, List: []inner{{1, "x"}, {2, ""}},
		Pointer: &inner{A: 0.25}, Map: map[string]float64{"x": 1}, Deep: map[string][]inner{"y": {{A: 3}}},
		Any: map[string]any{"free": []any{1., nil, "x"}}, Raw: jsontext.Value(`{"z":[1.0]}`),
		Maps: []map[string]*[]float64{{"k": {1}}},
	}, got)
}

// TestDecodeRefuses has one case for each rule, with the message that a person
// reads.
func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an unknown field", with(t, `"lewel":"low"`), `lewel: unknown field`},
		{"a field of another case", `{"A":1}`, `A: unknown field; a: missing`},
		{"a field without a name", with(t, `"inner":{"a":1,"":2}`), `inner."": unknown field`},
		{"a field that has no JSON name", with(t, `"Hidden":1,"private":1`), `Hidden: unknown field; private: unknown field`},
		{"a missing field", with(t, `"inner":{}`), `inner.a: missing`},
		{"a missing field in a list", with(t, `"list":[{"a":1},{}]`), `list[1].a: missing`},
		{"a field that is there twice", `{"a":1,"a":1}`, `a: there twice`},
		{"a field that is there twice in another writing", `{"a":1,"\u0061":1}`, `a: there twice`},
		{"a map's key that is there twice", with(t, `"map":{}`)[:1] + `"map":{"k":1,"k":2}}`, `map.k: there twice`},
		{"a key that is there twice where anything goes", `{"any":{"x":[{"k":1,"k":2}]}}`, `any.x[0].k: there twice`},
		{"an unknown field within a list of maps", with(t, `"deep":{"y":[{"a":3,"c":[{"d":1}]}]}`), `deep.y[0].c: unknown field`},

		{"null for a boolean", with(t, `"yes":null`), `yes: null instead of a boolean`},
		{"null for a number", with(t, `"float":null`), `float: null instead of a number`},
		{"null for an integer", with(t, `"int":null`), `int: null instead of an integer`},
		{"null for a string", with(t, `"level":null`), `level: null instead of a string`},
		{"null for an array", with(t, `"three":null`), `three: null instead of an array`},
		{"null for an object", with(t, `"inner":null`), `inner: null instead of an object`},
		{"null for a pointer", with(t, `"pointer":null`), `pointer: null instead of an object`},
		{"null for a map", with(t, `"map":null`), `map: null instead of an object`},
		{"null in a slice of numbers", with(t, `"three":[0,null,2]`), `three[1]: null instead of a number`},
		{"null in a map", with(t, `"map":{"k":null}`), `map.k: null instead of a number`},

		{"a string for a number", with(t, `"float":"1"`), `float: not a number`},
		{"a boolean for a number", with(t, `"float":true`), `float: not a number`},
		{"an array for a number", with(t, `"float":[1]`), `float: not a number`},
		{"an object for a number", with(t, `"float":{"a":1}`), `float: not a number`},
		{"a number for a string", with(t, `"level":1`), `level: not a string`},
		{"a number for a boolean", with(t, `"yes":1`), `yes: not a boolean`},
		{"an object for an array", with(t, `"three":{}`), `three: not an array`},
		{"an array for an object", with(t, `"inner":[]`), `inner: not an object`},
		{"a number for a time", with(t, `"when":0`), `when: not a string`},

		{"a fraction for an integer", with(t, `"int":1.5`), `int: not an integer`},
		{"an integer with a point", with(t, `"int":1.0`), `int: not an integer`},
		{"an integer with an exponent", with(t, `"int":1e2`), `int: not an integer`},
		{"an integer over its type", with(t, `"int8":128`), `int8: 128 is not at least -128 and at most 127`},
		{"an integer under its type", with(t, `"int8":-129`), `int8: -129 is not at least -128 and at most 127`},
		{"a negative number for an unsigned one", with(t, `"uint64":-1`), `uint64: -1 is not at least 0 and at most 9007199254740992`},
		{"an integer beyond 2^53", with(t, `"int":9007199254740993`), `int: an integer beyond ±2^53 is not exact`},
		{"an integer beyond 2^53 for an unsigned one", with(t, `"uint64":18446744073709551615`), `uint64: an integer beyond ±2^53 is not exact`},
		{"an integer beyond 2^53 for a float", with(t, `"float":9007199254740993`), `float: an integer beyond ±2^53 is not exact`},
		{"a number out of range", with(t, `"float":1e400`), `float: out of range for a 64-bit number`},
		{"a number that would become 0", with(t, `"float":1e-400`), `float: too small for a 64-bit number`},
		{"a 32-bit number out of range", with(t, `"narrow":1e39`), `narrow: out of range for a 32-bit number`},
		{"a 32-bit number that would become 0", with(t, `"narrow":1e-50`), `narrow: too small for a 32-bit number`},
		{"an integer beyond 2^24 for 32 bits", with(t, `"narrow":16777217`), `narrow: an integer beyond ±2^24 is not exact in 32 bits`},
		{"a number that changes where anything goes", with(t, `"any":{"x":[1,9007199254740993]}`), `any.x[1]: an integer beyond ±2^53 is not exact`},
		{"a number that changes in raw JSON", with(t, `"raw":{"x":1e400}`), `raw.x: out of range for a 64-bit number`},

		{"a number below min", with(t, `"float":-1.5`), `float: -1.5 is not at least -1 and at most 1000000`},
		{"a number at above", with(t, `"narrow":-1`), `narrow: -1 is not above -1 and below 1`},
		{"a number at below", with(t, `"narrow":1`), `narrow: 1 is not above -1 and below 1`},
		{"a number over max that its type holds", with(t, `"uint16":1001`), `uint16: 1001 is not at least 0 and at most 1000`},
		{"an item out of range", with(t, `"three":[0,-1,2]`), `three[1]: -1 is not at least 0`},
		{"an item of an item out of range", with(t, `"rows":[[1],[1,0]]`), `rows[1][1]: 0 is not above 0`},
		{"a map's value out of range", with(t, `"map":{"k":-1}`), `map.k: -1 is not at least 0`},
		{"another length", with(t, `"three":[0,1]`), `three: has 2 items instead of 3`},
		{"another length of an array", with(t, `"pair":[1,2,3]`), `pair: has 3 items instead of 2`},
		{"too few", with(t, `"some":[]`), `some: has 0 items, at least 1 are needed`},
		{"too many", with(t, `"some":["a","a","a"]`), `some: has 3 items, at most 2 are allowed`},
		{"a string that is not in the list", with(t, `"level":"Low"`), `level: "Low" is none of ["low" "high"]`},
		{"an item that is not in the list", with(t, `"some":["c"]`), `some[0]: "c" is none of ["a" "b"]`},
		{"a time in another form", with(t, `"when":"yesterday"`), `when: not a time as in RFC 3339`},
		{"a day that there is not", with(t, `"when":"2023-02-29T12:00:00Z"`), `when: not a time as in RFC 3339`},
		{"a text that its type does not take", with(t, `"addr":"localhost"`), `addr: not valid: ParseAddr("localhost"): unable to parse IP`},

		{"nothing", ``, `not valid JSON: it ends too early`},
		{"white space", " \n", `not valid JSON: it ends too early`},
		{"the beginning of an object", `{"inner":{"a":`, `inner.a: not valid JSON: it ends too early`},
		{"the beginning of an array", `{"three":[1,`, `three: not valid JSON: it ends too early`},
		{"a second value", `{"a":1} {"a":1}`, `not valid JSON: there is more than one value`},
		{"rubbish at the end", `{"a":1}]`, `not valid JSON: invalid character ']' at start of value`},
		{"NaN", `{"a":NaN}`, `a: not valid JSON: invalid character 'N' at start of value`},
		{"a comma too many", `{"three":[1,2,]}`, `three: not valid JSON: invalid character ',' at start of value`},
		{"a leading zero", `{"a":01}`, `not valid JSON: invalid character '1' after object value (expecting ',' or '}')`},
		{"invalid UTF-8 in a string", "{\"level\":\"\xff\"}", `level: not valid JSON: invalid UTF-8`},
		{"invalid UTF-8 in a name", "{\"\xff\":1}", `not valid JSON: invalid UTF-8`},
		{"half a surrogate pair", `{"level":"\ud800"}`, "level: not valid JSON: invalid surrogate pair `\\ud800\"}` in string"},
		{"a control character", "{\"level\":\"\n\"}", "level: not valid JSON: invalid character '\\n' in string (expecting non-control character)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if strings.HasPrefix(tt.text, `{"a":`) || strings.HasPrefix(tt.text, `{"A":`) {
				_, err = schema.Decode[inner]([]byte(tt.text))
			} else {
				_, err = schema.Decode[everything]([]byte(tt.text))
			}
			require.Error(t, err)
			f := fault.From(err)
			assert.Equal(t, fault.Invalid, f.Kind)
			assert.Equal(t, tt.want, f.Public())
		})
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	s, err := schema.Of[everything]()
	require.NoError(t, err)
	err = s.Check([]byte(with(t, `"float":"x","three":[0,-1,null,3],"inner":{"c":1},"level":"mid"`)))
	require.Error(t, err)
	for _, problem := range []string{
		"float: not a number", "three[1]: -1 is not at least 0", "three[2]: null instead of a number",
		"three: has 4 items instead of 3", "inner.c: unknown field", "inner.a: missing", `level: "mid" is none of`,
	} {
		assert.ErrorContains(t, err, problem)
	}
}

func TestARangeOnlyNarrowsTheType(t *testing.T) {
	type params struct {
		B uint8 `json:"b" min:"-5" max:"999"`
		C int8  `json:"c" above:"-128" below:"1000"`
	}
	_, err := schema.Decode[params]([]byte(`{"b":-1,"c":-128}`))
	require.EqualError(t, err, "b: -1 is not at least 0 and at most 255; c: -128 is not above -128 and at most 127")
}

func TestMinusZeroBecomesZero(t *testing.T) {
	type params struct {
		F   float64            `json:"f"`
		F32 float32            `json:"f32"`
		L   []float64          `json:"l"`
		M   map[string]float64 `json:"m"`
		P   *float64           `json:"p"`
		Any any                `json:"any"`
		I   int                `json:"i"`
	}
	got, err := schema.Decode[params]([]byte(`{"f":-0,"f32":-0.0,"l":[-0e7,-1],"m":{"k":-0},"p":-0,"any":[-0],"i":-0}`))
	require.NoError(t, err)
	for _, f := range []float64{got.F, float64(got.F32), got.L[0], got.M["k"], *got.P, got.Any.([]any)[0].(float64)} {
		assert.False(t, math.Signbit(f))
		assert.Zero(t, f)
	}
	assert.Equal(t, []float64{0, -1}, got.L, "other numbers are as they were")
}

func TestPath(t *testing.T) {
	for pointer, want := range map[jsontext.Pointer]string{
		"":                "",
		"/input/2":        "input[2]",
		"/inputs/1/bmi":   "inputs[1].bmi",
		"/0/1":            "[0][1]",
		"/0/a":            "[0].a",
		"/a~1b/~0":        "a/b.~",
		"/requires/":      `requires.""`,
		"/a/01x":          "a.01x",
		"/weights/10/a/3": "weights[10].a[3]",
	} {
		assert.Equal(t, want, schema.Path(pointer))
	}
}

// TestHostileTexts holds that a text of a megabyte costs no more than its size:
// the tests would run for minutes otherwise.
func TestHostileTexts(t *testing.T) {
	const size = 1 << 20
	fill := func(head, unit, tail string) string {
		return head + strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)) + tail
	}
	deep := strings.Repeat("[", 9000)
	tests := []struct{ name, text, want string }{
		{"open brackets", fill(`{"any":`, "[", ""), "not valid JSON: exceeded max depth"},
		{"open objects", fill(`{"any":`, `{"a":`, ""), "not valid JSON: exceeded max depth"},
		{"open brackets where there is no array", fill(`{"float":`, "[", ""), "not valid JSON: exceeded max depth"},
		{"nulls", fill(`{"three":[null`, `,null`, `]}`), "three[9]: null instead of a number; and 209719 more"},
		{"empty objects", fill(`{"list":[{}`, `,{}`, `]}`), "list[9].a: missing; and "},
		{"inexact numbers deep inside", fill(`{"any":`+deep+`1`, `,1e999`, strings.Repeat("]", 9000)+"}"), "and 1"},
		{"a name as long as the text", fill(`{"`, "x", `":1}`), "xxx…xxx"},
		{"a string as long as the text", fill(`{"level":"`, "x", `"}`), "xxx…xxx"},
		{"a number as long as the text", fill(`{"float":1`, "0", `}`), "float: out of range for a 64-bit number"},
		{"an exact number as long as the text", fill(`{"float":-2.`, "0", `}`), "0…0"},
		{"the same key again and again", fill(`{"map":{"a":1`, `,"a":1`, `}}`), "map.a: there twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := schema.Decode[everything]([]byte(tt.text))
			require.Error(t, err)
			public := fault.From(err).Public()
			assert.Contains(t, public, tt.want)
			assert.Less(t, len(public), 15_000)
		})
	}
	t.Run("many different unknown fields", func(t *testing.T) {
		var text strings.Builder
		text.WriteString(`{"a":1`)
		for i := range 80_000 {
			fmt.Fprintf(&text, `,"f%d":1`, i)
		}
		_, err := schema.Decode[inner]([]byte(text.String() + "}"))
		require.ErrorContains(t, err, "; and 79990 more")
	})
}

// TestNothingOfTheTextIsKept holds that a decoded value does not change with the
// buffer that it was read from.
func TestNothingOfTheTextIsKept(t *testing.T) {
	text := []byte(with(t, `"any":["some text"],"raw":["raw text"],"deep":{"a key":[]}`))
	got, err := schema.Decode[everything](text)
	require.NoError(t, err)
	for i := range text {
		text[i] = 'X'
	}
	assert.Equal(t, "low", got.Level)
	assert.Equal(t, []any{"some text"}, got.Any)
	assert.Equal(t, jsontext.Value(`["raw text"]`), got.Raw)
	assert.Contains(t, got.Deep, "a key")
}

func TestConcurrentUse(t *testing.T) {
	type fresh struct {
		A []inner `json:"a"`
	}
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := schema.Decode[fresh]([]byte(`{"a":[{"a":1},{"a":2}]}`))
			done <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
}
