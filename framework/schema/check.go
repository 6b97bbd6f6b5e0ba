package schema

import (
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
)

// checker reads a JSON text once and gathers what is wrong with it. Its methods
// return only the errors of the text itself.
type checker struct {
	dec       *jsontext.Decoder
	problems  fault.Problems
	minusZero bool // there is a −0
}

// problem notes what is wrong with the value that was read last.
func (c *checker) problem(format string, args ...any) {
	c.problems.Add(c.path(), format, args...)
}

// path is where the value is that was read last. It is not worked out for problems
// that are only counted: a body of nothing else would take minutes.
func (c *checker) path() string {
	if c.problems.Full() {
		return ""
	}
	return Path(c.dec.StackPointer())
}

// document reads one value and the end of the text.
func (c *checker) document(n *node) error {
	if err := c.value(n); err != nil {
		return err
	}
	if _, err := c.dec.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = fault.New(fault.Invalid, "not valid JSON: there is more than one value")
		}
		return err
	}
	return nil
}

func (c *checker) value(n *node) error {
	if n.kind == anything {
		return c.free()
	}
	found := c.dec.PeekKind()
	switch {
	case found == '{' && n.kind == object:
		return c.object(n)
	case found == '[' && n.kind == array:
		return c.array(n)
	case found == '{' || found == '[':
		if err := c.dec.SkipValue(); err != nil {
			return err
		}
		c.problem("not %s", n.kind.article())
		return nil
	}
	token, err := c.dec.ReadToken()
	if err != nil {
		return err
	}
	switch {
	case found == '"' && n.kind == text:
		c.text(n, token.String())
	case found == '0' && (n.kind == number || n.kind == integer):
		c.number(n, []byte(token.String()))
	case (found == 't' || found == 'f') && n.kind == boolean:
	case found == 'n':
		c.problem("null instead of %s", n.kind.article())
	default:
		c.problem("not %s", n.kind.article())
	}
	return nil
}

// free reads a value of any shape: only its numbers have to be exact.
func (c *checker) free() error {
	depth := c.dec.StackDepth()
	for {
		token, err := c.dec.ReadToken()
		if err != nil {
			return err
		}
		if token.Kind() == '0' {
			c.number(freeNumber, []byte(token.String()))
		}
		if c.dec.StackDepth() == depth {
			return nil
		}
	}
}

func (c *checker) object(n *node) error {
	if _, err := c.dec.ReadToken(); err != nil {
		return err
	}
	seen := make([]bool, len(n.fields))
	for c.dec.PeekKind() != '}' {
		token, err := c.dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		member := n.items
		if n.restricted {
			i := slices.IndexFunc(n.fields, func(f field) bool { return f.name == name })
			if i < 0 {
				c.problem("unknown field")
				if err := c.dec.SkipValue(); err != nil {
					return err
				}
				continue
			}
			member, seen[i] = n.fields[i].node, true
		}
		if err := c.value(member); err != nil {
			return err
		}
	}
	if _, err := c.dec.ReadToken(); err != nil {
		return err
	}
	for i, f := range n.fields {
		if f.required && !seen[i] {
			c.problems.Add(fault.Join(c.path(), f.name), "missing")
		}
	}
	return nil
}

func (c *checker) array(n *node) error {
	if _, err := c.dec.ReadToken(); err != nil {
		return err
	}
	count := 0
	for ; c.dec.PeekKind() != ']'; count++ {
		if err := c.value(n.items); err != nil {
			return err
		}
	}
	if _, err := c.dec.ReadToken(); err != nil {
		return err
	}
	switch {
	case n.fewest == n.most && count != n.most:
		c.problem("has %d items instead of %d", count, n.most)
	case count < n.fewest:
		c.problem("has %d items, at least %d are needed", count, n.fewest)
	case n.most >= 0 && count > n.most:
		c.problem("has %d items, at most %d are allowed", count, n.most)
	}
	return nil
}

func (c *checker) text(n *node, s string) {
	if n.format == "date-time" {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			c.problem("not a time as in RFC 3339")
		}
	}
	if n.enum != nil && !slices.Contains(n.enum, s) {
		c.problem("%q is none of %q", s, n.enum)
	}
}

// freeNumber is a number of which only its type is asked.
var freeNumber = &node{kind: number, low: math.Inf(-1), high: math.Inf(1)}

func (c *checker) number(n *node, raw []byte) {
	var f float64
	var problem string
	if n.kind == integer {
		var i int64
		i, problem = Int(raw)
		f = float64(i)
	} else {
		f, problem = Float(raw)
		c.minusZero = c.minusZero || f == 0 && raw[0] == '-'
	}
	if problem == "" && n.float32 {
		problem = float32Problem(raw, f)
	}
	switch {
	case problem != "":
		c.problem("%s", problem)
	case f < n.low || n.lowOpen && f == n.low || f > n.high || n.highOpen && f == n.high:
		c.problem("%s is not %s", raw, n.bounds())
	}
}

// bounds says what range a number has to be in.
func (n *node) bounds() string {
	text := func(v float64) string { return string(jsontext.AppendFloat(nil, v, 64)) }
	low, high := "at least ", "at most "
	if n.lowOpen {
		low = "above "
	}
	if n.highOpen {
		high = "below "
	}
	switch {
	case math.IsInf(n.high, 1):
		return low + text(n.low)
	case math.IsInf(n.low, -1):
		return high + text(n.high)
	default:
		return low + text(n.low) + " and " + high + text(n.high)
	}
}

// article names the kind in a sentence.
func (k kind) article() string {
	switch k {
	case array, object, integer:
		return "an " + string(k)
	default:
		return "a " + string(k)
	}
}
