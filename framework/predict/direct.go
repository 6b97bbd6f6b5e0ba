package predict

import (
	"bytes"

	"github.com/modelfn/modelfn/framework/schema"
)

// direct reads the body that nearly every request to a model of plain numbers has,
// in about half the time: one member, and as many numbers as there have to be. Any
// other body, right or wrong, it leaves to the exact reader, so that what a request
// means and what is wrong with it is decided in one place; what it takes, the exact
// reader takes with the same result.
func direct(f *Format, size int, body []byte) (req request[[]float64], ok bool) {
	s := scanner{body}
	if !s.take('{') {
		return req, false
	}
	req.member = s.member(f)
	if req.member == "" || !s.take(':') {
		return req, false
	}
	req.single = req.member == f.one
	if req.single {
		req.one = s.vector(size)
		ok = req.one != nil
	} else {
		req.many = s.vectors(size)
		ok = req.many != nil
	}
	return req, ok && s.take('}') && s.end()
}

// directOf returns direct for inputs of type I, nil if they are no plain numbers.
func directOf[I any](size int) func(*Format, []byte) (request[I], bool) {
	read := func(f *Format, body []byte) (request[[]float64], bool) { return direct(f, size, body) }
	of, _ := any(read).(func(*Format, []byte) (request[I], bool))
	return of
}

// scanner reads JSON. White space before what it takes is skipped.
type scanner struct{ rest []byte }

func (s *scanner) space() {
	for len(s.rest) > 0 {
		switch s.rest[0] {
		case ' ', '\t', '\n', '\r':
			s.rest = s.rest[1:]
		default:
			return
		}
	}
}

// end reports whether nothing is left.
func (s *scanner) end() bool {
	s.space()
	return len(s.rest) == 0
}

// take reports whether c comes next, and goes on after it.
func (s *scanner) take(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// member takes the name of a member of the format, written without escapes; "" if
// there is none.
func (s *scanner) member(f *Format) string {
	if !s.take('"') {
		return ""
	}
	name, rest, _ := bytes.Cut(s.rest, []byte{'"'})
	s.rest = rest
	return f.known(name)
}

// vectors takes a list of vectors, nil if there is none, or it is empty.
func (s *scanner) vectors(size int) [][]float64 {
	if !s.take('[') {
		return nil
	}
	var many [][]float64
	for {
		one := s.vector(size)
		if one == nil {
			return nil
		}
		many = append(many, one)
		if !s.take(',') {
			break
		}
	}
	if !s.take(']') {
		return nil
	}
	return many
}

// vector takes a list of size numbers, nil if there is none.
func (s *scanner) vector(size int) []float64 {
	if !s.take('[') || len(s.rest) < 2*size { // each number has a digit, and something after it
		return nil
	}
	in := make([]float64, size)
	for i := range in {
		if i > 0 && !s.take(',') {
			return nil
		}
		raw := s.number()
		if raw == nil {
			return nil
		}
		x, problem := schema.Float(raw)
		if problem != "" {
			return nil
		}
		in[i] = x
	}
	if !s.take(']') {
		return nil
	}
	return in
}

// number takes a number as JSON writes it, nil if there is none.
func (s *scanner) number() []byte {
	s.space()
	b, i := s.rest, 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	whole := digits(b[i:])
	if whole == 0 || whole > 1 && b[i] == '0' {
		return nil
	}
	i += whole
	if i < len(b) && b[i] == '.' {
		fraction := digits(b[i+1:])
		if fraction == 0 {
			return nil
		}
		i += 1 + fraction
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		exponent := digits(b[i:])
		if exponent == 0 {
			return nil
		}
		i += exponent
	}
	s.rest = b[i:]
	return b[:i]
}

// digits is the number of digits that b begins with.
func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}
