// Package schema derives from a Go type what its JSON form may be: a JSON Schema
// for others to read, and an exact decoder.
//
// The fields' names, types and tags are the only source. A field is required
// unless its json tag has omitzero or omitempty. These tags say more:
//
//	doc:"…"              what it is, for people
//	unit:"kg/m²"         its unit
//	min:"0" max:"1"      the range, both ends included
//	above:"0" below:"1"  the range, the ends excluded
//	len:"3"              the exact number of items of a slice, or
//	minlen:"1" maxlen:"9"
//	enum:"low,high"      the allowed strings
//
// On a slice or a map, a range and an enum hold for each of its items. A range
// can only narrow what the Go type holds.
//
// Decoding is exact. Names are case-sensitive; a member that is unknown, missing
// or there twice is refused, and so are null, invalid UTF-8, and numbers that the
// Go type would change (see [Float] and [Int]). Every problem is reported at once,
// with its path, as a fault of kind Invalid. Where the Go type leaves the shape
// open (any, jsontext.Value), null is a value as any other. [Encode] writes what
// Decode reads.
//
// What [Schema.Check] accepts, the JSON Schema does too. The other way round, it
// cannot say that a number must not change: 9007199254740993, 1e-400, and 1.0 for
// an integer are refused by Check alone.
//
// A Schema is immutable and safe for concurrent use.
package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
)

// Schema says what the JSON form of one Go type may be.
type Schema struct {
	root *node
	text jsontext.Value
}

var cache sync.Map // reflect.Type → *Schema

// Of returns the schema of T. It fails on a type that JSON cannot hold and on
// a tag that does not parse: errors of the program, not of its data.
func Of[T any]() (*Schema, error) { return of(reflect.TypeFor[T]()) }

func of(t reflect.Type) (*Schema, error) {
	if s, ok := cache.Load(t); ok {
		return s.(*Schema), nil
	}
	root, err := nodeOf(t)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	text, err := describe(root)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	s, _ := cache.LoadOrStore(t, &Schema{root: root, text: text})
	return s.(*Schema), nil
}

// JSON returns the JSON Schema (draft 2020-12). The caller must not change it.
func (s *Schema) JSON() jsontext.Value { return s.text }

// Check reports all that is wrong with a JSON text, as one fault.
func (s *Schema) Check(data []byte) error {
	_, err := s.check(data)
	return err
}

// check is Check; it reports too whether the text has a −0, which is rare.
func (s *Schema) check(data []byte) (minusZero bool, err error) {
	c := checker{dec: jsontext.NewDecoder(bytes.NewBuffer(data))}
	if err := c.document(s.root); err != nil {
		return false, Malformed(err)
	}
	return c.minusZero, c.problems.Err()
}

// Decode reads a T exactly from a JSON text. A −0 becomes 0.
func Decode[T any](data []byte) (T, error) {
	var v T
	s, err := Of[T]()
	if err != nil {
		return v, err
	}
	minusZero, err := s.check(data)
	if err != nil {
		return v, err
	}
	var opts []json.Options
	if minusZero {
		opts = append(opts, json.WithUnmarshalers(plainZeros))
	}
	if err := json.Unmarshal(data, &v, opts...); err != nil {
		return v, Malformed(err)
	}
	return v, nil
}

// Malformed turns an error of the JSON reader into a fault of kind Invalid that
// names the place. A fault stays what it is.
func Malformed(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	path, cause := "", err
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		path, cause = Path(e.JSONPointer), e.Err
	} else if e, ok := errors.AsType[*json.SemanticError](err); ok {
		if e.Err == nil {
			return fault.Field(Path(e.JSONPointer), "not a valid %v", e.GoType)
		}
		return &fault.Error{Kind: fault.Invalid, Path: Path(e.JSONPointer), Message: fmt.Sprintf("not valid: %v", e.Err), Err: err}
	}
	switch {
	case errors.Is(cause, jsontext.ErrDuplicateName):
		return fault.Field(path, "there twice")
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF):
		return fault.Field(path, "not valid JSON: it ends too early")
	}
	return fault.Field(path, "not valid JSON: %v", cause)
}

// Path writes a JSON Pointer as people do: /inputs/1/bmi is inputs[1].bmi.
func Path(p jsontext.Pointer) string {
	var path strings.Builder
	for token := range p.Tokens() {
		switch {
		case isIndex(token):
			token = "[" + token + "]"
		case token == "":
			token = `""`
		}
		if path.Len() > 0 && token[0] != '[' {
			path.WriteByte('.')
		}
		path.WriteString(token)
	}
	return path.String()
}

// isIndex reports whether a pointer's token is written like an array's index.
func isIndex(token string) bool {
	for _, c := range token {
		if c < '0' || c > '9' {
			return false
		}
	}
	return token != ""
}
