package predict

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
)

// request is a decoded body: one input, or many.
type request[I any] struct {
	member string // that carried it; for the paths of faults
	single bool
	one    I
	many   []I
}

// reader reads the next JSON value of a body as one input. Its faults carry the
// path within the input.
type reader[I any] func(*jsontext.Decoder) (I, error)

// bodyReader reads the bytes of one request after another.
type bodyReader struct {
	buf bytes.Buffer
	dec *jsontext.Decoder
}

var bodies = sync.Pool{New: func() any {
	b := &bodyReader{}
	b.dec = jsontext.NewDecoder(&b.buf)
	return b
}}

func openBody(body []byte) *bodyReader {
	b := bodies.Get().(*bodyReader)
	b.buf = *bytes.NewBuffer(body) // the decoder reads from it without a copy
	return b
}

// close lets go of the body and gives the reader back.
func (b *bodyReader) close() {
	b.buf = bytes.Buffer{}
	b.dec.Reset(&b.buf)
	bodies.Put(b)
}

// decode reads a body exactly. Nothing of the result refers to it.
func decode[I any](f *Format, read reader[I], body []byte) (request[I], error) {
	b := openBody(body)
	defer b.close()
	req, err := decodeObject(f, read, b.dec)
	if err == nil {
		if _, err = b.dec.ReadToken(); errors.Is(err, io.EOF) {
			return req, nil
		}
		if err == nil {
			err = fault.New(fault.Invalid, "not valid JSON: there is more than one value")
		}
	}
	return req, schema.Malformed(err)
}

func decodeObject[I any](f *Format, read reader[I], dec *jsontext.Decoder) (req request[I], err error) {
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); errors.Is(err, io.EOF) {
			return req, fault.New(fault.Invalid, "the body is empty; it has to be a JSON object with %s", f.members())
		} else if err != nil {
			return req, err
		}
		return req, fault.New(fault.Invalid, "the body is not a JSON object with %s", f.members())
	}
	if _, err := dec.ReadToken(); err != nil {
		return req, err
	}
	for dec.PeekKind() != '}' {
		quoted, err := dec.ReadValue()
		if err != nil {
			return req, err
		}
		name := f.member(quoted)
		switch {
		case name == "":
			text, _ := jsontext.AppendUnquote(nil, quoted)
			return req, fault.Field(string(text), "unknown field; the body has %s", f.members())
		case req.member != "":
			return req, fault.Field(name, "cannot come together with %s", req.member)
		}
		req.member, req.single = name, name == f.one
		if req.single {
			if req.one, err = read(dec); err != nil {
				return req, under(err, name)
			}
		} else if req.many, err = readMany(read, dec, name); err != nil {
			return req, err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return req, err
	}
	if req.member == "" {
		return req, fault.Field(f.members(), "missing")
	}
	return req, nil
}

// members names what a body can carry, in a sentence.
func (f *Format) members() string {
	if f.one != "" {
		return f.one + " or " + f.many
	}
	return f.many
}

// member returns the format's own name for a quoted member, "" for a foreign one.
func (f *Format) member(quoted []byte) string {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, quoted)
	}
	return f.known(name)
}

// known returns the format's own name for a member's name, "" for a foreign one.
func (f *Format) known(name []byte) string {
	switch string(name) {
	case "":
		return ""
	case f.one:
		return f.one
	case f.many:
		return f.many
	case f.alias:
		return f.alias
	}
	return ""
}

func readMany[I any](read reader[I], dec *jsontext.Decoder, name string) ([]I, error) {
	if dec.PeekKind() != '[' {
		return nil, wrongKind(dec, name, "an array of inputs")
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	var many []I
	for i := 0; dec.PeekKind() != ']'; i++ {
		in, err := read(dec)
		if err != nil {
			return nil, under(err, name+"["+strconv.Itoa(i)+"]")
		}
		many = append(many, in)
	}
	_, err := dec.ReadToken()
	return many, err
}

// under puts the path of a fault below prefix; other errors stay as they are.
func under(err error, prefix string) error {
	if f := fault.From(err); f.Kind == fault.Invalid {
		return f.Under(prefix)
	}
	return err
}

// readerOf returns the reader for inputs of type I. []float64, the common case,
// has one of its own; every other type is read by its schema.
func readerOf[I any](size int) (reader[I], error) {
	if is[I, []float64]() {
		return any(reader[[]float64](vectorReader(size))).(reader[I]), nil
	}
	if _, err := schema.Of[I](); err != nil {
		return nil, err
	}
	return func(dec *jsontext.Decoder) (in I, err error) {
		raw, err := dec.ReadValue()
		if err != nil {
			return in, err
		}
		return schema.Decode[I](raw)
	}, nil
}

// vectorReader reads exactly size numbers.
func vectorReader(size int) func(*jsontext.Decoder) ([]float64, error) {
	return func(dec *jsontext.Decoder) ([]float64, error) {
		if dec.PeekKind() != '[' {
			return nil, wrongKind(dec, "", "an array of numbers")
		}
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
		in := make([]float64, 0, size)
		count := 0
		for ; ; count++ {
			kind := dec.PeekKind()
			if kind == ']' {
				break
			}
			if kind != '0' {
				return nil, wrongKind(dec, "["+strconv.Itoa(count)+"]", "a number")
			}
			raw, err := dec.ReadValue()
			if err != nil {
				return nil, err
			}
			x, problem := schema.Float(raw)
			if problem != "" {
				return nil, fault.Field("["+strconv.Itoa(count)+"]", "%s", problem)
			}
			if count < size { // a longer one is counted, and not kept
				in = append(in, x)
			}
		}
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
		if count != size {
			return nil, fault.Field("", "has %d numbers instead of %d", count, size)
		}
		return in, nil
	}
}

// wrongKind reads the next value, whose kind is not the wanted one, and returns
// the fault: the text may be no JSON at all.
func wrongKind(dec *jsontext.Decoder, path, wanted string) error {
	kind := dec.PeekKind()
	if _, err := dec.ReadValue(); err != nil {
		return err
	}
	if kind == 'n' {
		return fault.Field(path, "null instead of %s", wanted)
	}
	return fault.Field(path, "not %s", wanted)
}
