package frameworktest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testBodies: what is not exactly a request is refused, and says where it is
// wrong.
func testBodies(t *testing.T, s *subject) {
	const limit = 64 << 10
	server := s.start(t, func(cfg *Config) { cfg.Settings.MaxBody = limit })
	c := server.client(t)
	x := s.Examples[0].Input
	for _, test := range []struct{ name, body, err string }{
		{"nothing", ``, ""},
		{"no JSON", `input`, "not valid JSON"},
		{"half of it", `{"input":`, "input: not valid JSON"},
		{"two values", `{"input":` + x + `} {}`, ""},
		{"invalid UTF-8", "{\"\xff\":1}", "not valid JSON"},
		{"no object", `[` + x + `]`, "the body is not a JSON object"},
		{"no input", `{}`, "input"},
		{"another name", `{"Input":` + x + `}`, "Input: unknown field"},
		{"one name more", `{"input":` + x + `,"more":1}`, "more: unknown field"},
		{"a name twice", `{"input":` + x + `,"input":` + x + `}`, "input: there twice"},
		{"both names", `{"input":` + x + `,"inputs":[]}`, "inputs: "},
		{"no list", `{"inputs":7}`, "inputs: not an array"},
		{"null", `{"input":null}`, "input: "},
		{"null in the list", `{"inputs":[` + x + `,null]}`, "inputs[1]: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := c.post("/predict", test.body).refused(t, http.StatusBadRequest)
			require.True(t, strings.HasPrefix(f.Error, test.err), "%q does not start with %q", f.Error, test.err)
		})
	}
	t.Run("the log has the error's id", func(t *testing.T) {
		f := c.post("/predict", `{}`).refused(t, http.StatusBadRequest)
		require.Contains(t, server.log.wait(t, f.ID, `"status":400`), f.Error)
	})
	request := `{"input":` + x + `}`
	t.Run("types of content", func(t *testing.T) {
		for contentType, status := range map[string]int{
			"application/json":                  200,
			"application/json; charset=utf-8":   200,
			"application/vnd.model+json":        200,
			"text/plain":                        415,
			"application/x-www-form-urlencoded": 415,
			"json":                              415,
			";":                                 415,
		} {
			a := c.post("/predict", request, "Content-Type", contentType)
			require.Equal(t, status, a.status, contentType)
			if status != http.StatusOK {
				a.refused(t, status)
			}
		}
	})
	t.Run("encodings of content", func(t *testing.T) {
		for _, encoding := range []string{"identity", "Identity", ""} {
			require.Equal(t, http.StatusOK, c.post("/predict", request, "Content-Encoding", encoding).status, encoding)
		}
		for _, encoding := range []string{"gzip", "br", "gzip, identity"} {
			f := c.post("/predict", request, "Content-Encoding", encoding).refused(t, http.StatusUnsupportedMediaType)
			require.Equal(t, "the Content-Encoding "+strconv.Quote(encoding)+" is not taken: send the body as it is", f.Error)
		}
	})
	padded := func(size int) string { return request + strings.Repeat(" ", size-len(request)) }
	t.Run("a body at the limit", func(t *testing.T) {
		require.Equal(t, http.StatusOK, c.post("/predict", padded(limit)).status)
	})
	t.Run("a body over the limit", func(t *testing.T) {
		c.post("/predict", padded(limit+1)).refused(t, http.StatusRequestEntityTooLarge)
	})
	t.Run("a body over the limit whose length is not told", func(t *testing.T) {
		chunked := struct{ io.Reader }{strings.NewReader(padded(limit + 1))}
		c.do(http.MethodPost, "/predict", chunked).refused(t, http.StatusRequestEntityTooLarge)
	})
}

// VectorRefusals are those of a function whose input is size numbers, two or more.
func VectorRefusals(size int) []Refusal {
	with := func(last string) string { return "[" + strings.Repeat("1,", size-1) + last + "]" }
	at := "input[" + decimal(size-1) + "]: "
	return []Refusal{
		{`7`, "input: not an array of numbers"},
		{`{"0":1}`, "input: not an array of numbers"},
		{`null`, "input: null instead of an array of numbers"},
		{`[]`, "input: has 0 numbers instead of " + decimal(size)},
		{with(`1,1`), "input: has " + decimal(size+1) + " numbers instead of " + decimal(size)},
		{with(`"1"`), at + "not a number"},
		{with(`[1]`), at + "not a number"},
		{with(`null`), at + "null instead of a number"},
		{with(`1e999`), at + "out of range for a 64-bit number"},
		{with(`1e-999`), at + "too small for a 64-bit number"},
		{with(`9007199254740993`), at + "an integer beyond ±2^53 is not exact"},
	}
}
