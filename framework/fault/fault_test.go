package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/fault"
)

func Example() {
	var p fault.Problems
	p.Add("weights[2]", "not a number")
	p.Add("bias", "missing")
	err := fmt.Errorf("reading params: %w", fault.From(p.Err()).Under("params"))

	f := fault.From(err)
	fmt.Println(f.Kind.Status(), f.Public())
	// Output: 400 params.weights[2]: not a number; params.bias: missing
}

func TestStatus(t *testing.T) {
	tests := map[fault.Kind]int{
		fault.Internal:     http.StatusInternalServerError,
		fault.Invalid:      http.StatusBadRequest,
		fault.Unauthorized: http.StatusUnauthorized,
		fault.Forbidden:    http.StatusForbidden,
		fault.NotFound:     http.StatusNotFound,
		fault.Method:       http.StatusMethodNotAllowed,
		fault.Conflict:     http.StatusConflict,
		fault.Precondition: http.StatusPreconditionFailed,
		fault.TooLarge:     http.StatusRequestEntityTooLarge,
		fault.MediaType:    http.StatusUnsupportedMediaType,
		fault.Busy:         http.StatusTooManyRequests,
		fault.Unavailable:  http.StatusServiceUnavailable,
	}
	for kind, status := range tests {
		assert.Equal(t, status, kind.Status())
	}
	assert.Equal(t, http.StatusInternalServerError, (&fault.Error{}).Kind.Status(), "the zero kind tells nothing")
}

func TestJoin(t *testing.T) {
	tests := []struct{ prefix, path, want string }{
		{"", "", ""},
		{"", "weights", "weights"},
		{"params", "", "params"},
		{"params", "weights", "params.weights"},
		{"params", "weights[0]", "params.weights[0]"},
		{"inputs", "[1]", "inputs[1]"},
		{"inputs[1]", "[2]", "inputs[1][2]"},
		{"", "[2]", "[2]"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, fault.Join(tt.prefix, tt.path), "%q and %q", tt.prefix, tt.path)
	}
}

func TestUnder(t *testing.T) {
	t.Run("puts the path below another", func(t *testing.T) {
		inner := fault.Field("[2]", "not a number")
		assert.Equal(t, "inputs[1][2]: not a number", inner.Under("[1]").Under("inputs").Public())
		assert.Equal(t, "[2]: not a number", inner.Public(), "the fault itself stays as it is")
	})
	t.Run("gives a fault without a path one", func(t *testing.T) {
		assert.Equal(t, "input: has 2 numbers instead of 3", fault.Field("", "has 2 numbers instead of 3").Under("input").Public())
	})
	t.Run("reaches each of several problems, and the count of the rest", func(t *testing.T) {
		var p fault.Problems
		for i := range 12 {
			p.Add(fmt.Sprintf("[%d]", i), "not a number")
		}
		f := fault.From(p.Err())
		got := f.Under("[7]").Under("inputs").Public()
		assert.True(t, strings.HasPrefix(got, "inputs[7][0]: not a number; inputs[7][1]: "), got)
		assert.True(t, strings.HasSuffix(got, "inputs[7][9]: not a number; and 2 more"), got)
		assert.True(t, strings.HasPrefix(f.Public(), "[0]: "), "the fault itself stays as it is")
	})
	t.Run("keeps the kind and the cause", func(t *testing.T) {
		f := fault.Away(time.Second, io.EOF, "away").Under("component-d")
		assert.Equal(t, fault.Unavailable, f.Kind)
		assert.Equal(t, time.Second, f.RetryAfter)
		assert.ErrorIs(t, f, io.EOF)
	})
}

func TestWhatTheCallerAndTheLogAreTold(t *testing.T) {
	f := fault.Away(2*time.Second, errors.New("dial tcp 10.0.0.7: refused"), "component %s is not available", "component-d")
	assert.Equal(t, "component component-d is not available", f.Public(), "nothing inner")
	assert.Equal(t, "component component-d is not available: dial tcp 10.0.0.7: refused", f.Error())
	assert.Equal(t, "there is no /x", fault.New(fault.NotFound, "there is no %s", "/x").Error())
}

func TestPublicIsBounded(t *testing.T) {
	t.Run("of a long message and a long path, both ends are told", func(t *testing.T) {
		f := fault.Field("weights"+strings.Repeat("[0]", 10_000), "%q is none of the known ones", strings.Repeat("é", 1<<20))
		text := f.Public()
		assert.Less(t, len(text), 1300)
		assert.True(t, utf8.ValidString(text), "it is not cut within a character")
		assert.True(t, strings.HasPrefix(text, "weights[0][0]"), text)
		assert.Contains(t, text, `[0][0]: "éé`)
		assert.True(t, strings.HasSuffix(text, `éé" is none of the known ones`), text)
		assert.Less(t, len(f.Error()), 1300, "nor does it fill the log")
	})
	t.Run("each of several problems has its share", func(t *testing.T) {
		var p fault.Problems
		for i := range 20 {
			p.Add(fmt.Sprintf("f%d", i), "%q is too long", strings.Repeat("x", 1<<20))
		}
		text := fault.From(p.Err()).Under("params").Public()
		assert.Less(t, len(text), 12_000)
		assert.Equal(t, 10, strings.Count(text, `x" is too long`))
		assert.True(t, strings.HasSuffix(text, "; and 10 more"))
	})
}

func TestFrom(t *testing.T) {
	t.Run("finds the fault in a chain", func(t *testing.T) {
		f := fault.New(fault.NotFound, "no such model")
		assert.Same(t, f, fault.From(fmt.Errorf("looking it up: %w", f)))
		assert.Same(t, f, fault.From(errors.Join(io.EOF, f)))
	})
	t.Run("takes any other error for an internal one, and tells nothing of it", func(t *testing.T) {
		f := fault.From(context.DeadlineExceeded)
		assert.Equal(t, fault.Internal, f.Kind)
		assert.Equal(t, "internal error", f.Public())
		assert.ErrorIs(t, f, context.DeadlineExceeded)
	})
}

func TestProblems(t *testing.T) {
	gather := func(n int) error {
		var p fault.Problems
		for i := range n {
			assert.Equal(t, i >= 10, p.Full())
			p.Add(fmt.Sprintf("f%d", i), "is %s", "wrong")
		}
		return p.Err()
	}
	require.NoError(t, gather(0))
	tests := []struct {
		n    int
		want string
	}{
		{1, "f0: is wrong"},
		{2, "f0: is wrong; f1: is wrong"},
		{10, "f0: is wrong; f1: is wrong; f2: is wrong; f3: is wrong; f4: is wrong; f5: is wrong; f6: is wrong; f7: is wrong; f8: is wrong; f9: is wrong"},
		{100_010, "f0: is wrong; f1: is wrong; f2: is wrong; f3: is wrong; f4: is wrong; f5: is wrong; f6: is wrong; f7: is wrong; f8: is wrong; f9: is wrong; and 100000 more"},
	}
	for _, tt := range tests {
		err := gather(tt.n)
		require.EqualError(t, err, tt.want)
		assert.Equal(t, fault.Invalid, fault.From(err).Kind)
	}
	assert.Equal(t, "f0", fault.From(gather(1)).Path, "one problem is a fault with its path")
}

func TestParts(t *testing.T) {
	one := fault.Field("f0", "is wrong")
	assert.Equal(t, []*fault.Error{one}, one.Parts())
	var p fault.Problems
	p.Add("f0", "is wrong")
	p.Add("f1", "is wrong too")
	assert.Equal(t, []*fault.Error{one, fault.Field("f1", "is wrong too")}, fault.From(p.Err()).Parts())
}
