package schema_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/schema"
)

var update = flag.Bool("update", false, "write the golden files again")

// TestJSONSchema compares the JSON Schema with a golden file: the order of the
// properties is that of the fields, which forms and flat names follow.
func TestJSONSchema(t *testing.T) {
	s, err := schema.Of[everything]()
	require.NoError(t, err)
	got := s.JSON().Clone()
	require.NoError(t, got.Indent(jsontext.WithIndent("  ")))
	got = append(got, '\n')

	golden := filepath.Join("testdata", "everything.schema.json")
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// compile reads the JSON Schema with another implementation, which checks it
// against the dialect's own schema too.
func compile(t testing.TB) (*schema.Schema, *jsonschema.Schema) {
	t.Helper()
	s, err := schema.Of[everything]()
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.JSON()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("everything.json", doc))
	compiled, err := c.Compile("everything.json")
	require.NoError(t, err)
	return s, compiled
}

// agree holds that Check and the JSON Schema say the same of a text. It reports
// whether they accept it.
func agree(t *testing.T, s *schema.Schema, compiled *jsonschema.Schema, text string) bool {
	t.Helper()
	checked := s.Check([]byte(text))
	if checked != nil && beyondJSONSchema(checked) {
		return false
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	if validated := compiled.Validate(value); checked == nil {
		require.NoError(t, validated, "Check takes what the JSON Schema does not: %s", text)
	} else {
		require.Error(t, validated, "the JSON Schema takes what Check does not: %s\n%v", text, checked)
	}
	return checked == nil
}

// beyondJSONSchema reports whether an error has a reason that JSON Schema cannot
// express: that a number must not change on its way into its Go type.
func beyondJSONSchema(err error) bool {
	for _, reason := range []string{
		"is not exact", "too small for", "out of range for", "not an integer",
		"not a time", // a leap second, which Go's times do not have
	} {
		if strings.Contains(err.Error(), reason) {
			return true
		}
	}
	return false
}

// TestCheckAgreesWithJSONSchema makes values that are right but for a few changes
// and asks both.
func TestCheckAgreesWithJSONSchema(t *testing.T) {
	s, compiled := compile(t)
	const seed, rounds = 7, 5_000
	g := generator{rand.New(rand.NewPCG(seed, seed))}
	accepted := 0
	for range rounds {
		if agree(t, s, compiled, g.everything()) {
			accepted++
		}
	}
	require.Greater(t, accepted, rounds/10, "too few of the values are right to say much")
	require.Less(t, accepted, rounds*9/10, "too few of the values are wrong to say much")
}

var longExponent = regexp.MustCompile(`[eE][-+]?\d{4}`)

// FuzzCheckAgreesWithJSONSchema asks both about any text.
func FuzzCheckAgreesWithJSONSchema(f *testing.F) {
	s, compiled := compile(f)
	g := generator{rand.New(rand.NewPCG(1, 1))}
	for range 20 {
		f.Add(g.everything())
	}
	f.Add(valid)
	f.Fuzz(func(t *testing.T, text string) {
		if !jsontext.Value(text).IsValid() {
			require.Error(t, s.Check([]byte(text)), "Check is as strict as the reader")
			t.Skip()
		}
		if longExponent.MatchString(text) {
			t.Skip() // the other reader would write all its digits
		}
		agree(t, s, compiled, text)
	})
}

// generator writes texts that nearly always fit.
type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

// often returns the first text nearly always, and now and then one of the others.
func (g generator) often(good string, bad ...string) string {
	if g.IntN(40) > 0 {
		return good
	}
	return g.one(append(bad, "null", `"x"`, "true", "1", "[]", "{}", "-3.5")...)
}

func (g generator) number(low, high float64) string {
	x := strconv.FormatFloat(low+(high-low)*g.Float64(), 'g', 4, 64)
	return g.often(x, strconv.FormatFloat(low, 'f', -1, 64), strconv.FormatFloat(high, 'f', -1, 64), "1e400", "1e-400", "9007199254740993", "-0")
}

func (g generator) list(least, most int, item func() string) string {
	n := least + g.IntN(most-least+1)
	if g.IntN(60) == 0 {
		n += g.IntN(3) - 1
	}
	items := []string{}
	for range n {
		items = append(items, item())
	}
	return "[" + strings.Join(items, ",") + "]"
}

func (g generator) inner() string {
	return g.often(`{"a":`+g.number(-9, 9)+g.one("", `,"b":"y"`, `,"b":`+g.often(`""`))+"}", `{"b":""}`, `{"a":1,"A":1}`, `{"a":1,"c":2}`)
}

func (g generator) everything() string {
	item := func() string { return g.number(0, 9) }
	members := []string{
		`"yes":` + g.often(g.one("true", "false")),
		`"float":` + g.number(-1, 1e6),
		`"narrow":` + g.number(-1, 1),
		`"int":` + g.often(strconv.Itoa(g.IntN(2000)-1000), "9007199254740992", "9007199254740993", "1.0", "1e2"),
		`"int8":` + g.often(strconv.Itoa(g.IntN(256)-128), "127", "128", "-129"),
		`"uint16":` + g.often(strconv.Itoa(g.IntN(1001)), "1001", "-1"),
		`"uint64":` + g.often(strconv.Itoa(g.IntN(1e9)), "18446744073709551615", "-0"),
		`"level":` + g.often(g.one(`"low"`, `"high"`), `"Low"`),
		`"when":` + g.often(g.one(`"2024-02-29T12:00:00Z"`, `"1999-01-01T00:00:00.5-07:00"`), `"2023-02-29T12:00:00Z"`, `"2023-02-28"`),
		`"addr":"127.0.0.1"`,
		`"three":` + g.list(3, 3, item),
		`"some":` + g.list(1, 2, func() string { return g.often(g.one(`"a"`, `"b"`), `"c"`) }),
		`"pair":` + g.list(2, 2, func() string { return g.often("7", "2147483648", "0.5") }),
		`"rows":` + g.list(0, 2, func() string { return g.list(0, 3, func() string { return g.number(0.5, 9) }) }),
		`"inner":` + g.inner(),
		`"list":` + g.list(0, 3, g.inner),
	}
	for _, optional := range []string{
		`"pointer":` + g.inner(),
		`"map":` + g.often(`{"":`+item()+`,"x":`+item()+"}"),
		`"deep":` + g.often(`{"k":`+g.list(0, 2, g.inner)+"}"),
		`"any":` + g.one("null", "[null]", item(), `{"x":[`+item()+"]}"),
		`"maps":` + g.list(0, 2, func() string { return `{"k":` + g.list(0, 2, item) + "}" }),
	} {
		if g.IntN(3) == 0 {
			members = append(members, optional)
		}
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	switch g.IntN(40) {
	case 0:
		members = members[1:]
	case 1:
		members = append(members, fmt.Sprintf("%q:1", g.one("extra", "Yes", "Hidden", "private", "")))
	}
	return "{" + strings.Join(members, ",") + "}"
}
