package frameworktest

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/params"
)

// Case is a function and what is expected of it.
type Case struct {
	// Function is tested, with the code of its components.
	Function   framework.Function
	Components []framework.Function

	// Bundle holds params of the function; Other holds params with which it has
	// other outputs. Their versions differ and are not 0.
	Bundle, Other *params.Bundle

	// Examples are what the function answers with Bundle; at least two, with
	// different outputs.
	Examples []Example

	// Refusals are inputs that the function does not take.
	Refusals []Refusal

	// Program is the folder of the program's main package; the test's own folder
	// if empty.
	Program string

	// Serve serves a handler until the test ends, and returns the URL of its root;
	// nil means a server of package httptest.
	Serve func(t testing.TB, h http.Handler) (url string)
}

// Example is an input and its output, both as JSON. The output is compared byte
// for byte, so choose params that give short numbers on every machine.
type Example struct{ Input, Output string }

// Refusal is an input, as JSON, and the error that it is refused with. The error
// starts with the path of the field, below "input".
type Refusal struct{ Input, Error string }

// Function runs the whole conformance suite.
func Function(t *testing.T, c Case) {
	t.Run("handler", func(t *testing.T) { Handler(t, c) })
	t.Run("process", func(t *testing.T) { Process(t, c) })
}

// subject is a case with what the suite derives from it.
type subject struct {
	Case
	name       string     // of the function
	doc, other params.Set // of both bundles

	// outputs of the examples' inputs, by the digest of the params.
	outputs map[string][]string
}

func newSubject(t *testing.T, c Case) *subject {
	t.Helper()
	d, err := c.Function.Describe()
	require.NoError(t, err)
	s := &subject{Case: c, name: d.Model}
	s.doc, err = c.Bundle.Set(s.name)
	require.NoError(t, err, "Case.Bundle")
	s.other, err = c.Other.Set(s.name)
	require.NoError(t, err, "Case.Other")
	require.NotZero(t, s.doc.Version, "Case.Bundle has a version")
	require.NotEqual(t, s.doc.Version, s.other.Version, "the versions of both bundles differ")
	require.GreaterOrEqual(t, len(c.Examples), 2, "Case.Examples")
	s.outputs = map[string][]string{
		s.doc.Digest:   s.wanted(),
		s.other.Digest: s.ask(t, c.Other),
	}
	require.NotEqual(t, s.outputs[s.doc.Digest], s.outputs[s.other.Digest], "the outputs of both bundles differ")
	return s
}

// wanted returns the outputs of the examples.
func (s *subject) wanted() []string {
	list := make([]string, len(s.Examples))
	for i, e := range s.Examples {
		list[i] = e.Output
	}
	return list
}

// ask returns what a function that runs alone answers to the examples' inputs.
func (s *subject) ask(t *testing.T, b *params.Bundle) []string {
	t.Helper()
	server := Start(t, Config{Function: s.Function, Components: s.Components, Bundle: b})
	list := make([]string, len(s.Examples))
	for i, e := range s.Examples {
		list[i] = server.client(t).predict(e.Input)
	}
	return list
}

// start runs the case's function.
func (s *subject) start(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	cfg := Config{Function: s.Function, Components: s.Components, Bundle: s.Bundle, Trusted: true, Serve: s.Serve}
	if change != nil {
		change(&cfg)
	}
	return Start(t, cfg)
}

// inputs joins the examples' inputs to n inputs, each again and again.
func (s *subject) inputs(n int) string {
	list := make([]byte, 0, n*16)
	for i := range n {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, s.Examples[i%len(s.Examples)].Input...)
	}
	return "[" + string(list) + "]"
}

// decimal writes a number.
func decimal[N ~int | ~int64](n N) string { return strconv.FormatInt(int64(n), 10) }
