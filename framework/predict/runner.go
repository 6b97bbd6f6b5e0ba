// Package predict speaks the wire formats of a prediction: it decodes a request,
// runs the predictor, and encodes the answer.
//
// A request is read exactly (package schema says what that means), into a value
// that is fresh for each request, and every mistake in it is a fault of kind
// Invalid with the field's path, such as input[2]. An answer whose numbers are
// not finite is an internal error, never an answer.
//
// A [Runner] is immutable; it is as safe for concurrent use as its predictor,
// which has to be.
package predict

import (
	"context"
	"fmt"
	"reflect"
	"strconv"

	"github.com/modelfn/modelfn/framework/schema"
)

// Predictor answers one input. It is immutable and safe for concurrent use; it
// must not keep or change the input. An input that it cannot take is a fault of
// kind Invalid, with the path within the input.
type Predictor[I, O any] interface {
	Predict(ctx context.Context, in I) (O, error)
}

// BatchPredictor is a predictor that answers many inputs in one go, at least one.
// The answer has one output for each input, in their order.
type BatchPredictor[I, O any] interface {
	PredictBatch(ctx context.Context, in []I) ([]O, error)
}

// Batch answers many inputs: in one go if the predictor can, else one by one
// until ctx ends.
func Batch[I, O any](ctx context.Context, p Predictor[I, O], in []I) ([]O, error) {
	if b, ok := p.(BatchPredictor[I, O]); ok && len(in) > 0 {
		out, err := b.PredictBatch(ctx, in)
		if err == nil && len(out) != len(in) {
			err = fmt.Errorf("the model gave %d outputs for %d inputs", len(out), len(in))
		}
		return out, err
	}
	out := make([]O, len(in))
	for i := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		if out[i], err = p.Predict(ctx, in[i]); err != nil {
			return nil, under(fmt.Errorf("input %d: %w", i, err), "["+strconv.Itoa(i)+"]")
		}
	}
	return out, nil
}

// Format is how a request and its answer are laid out.
type Format struct {
	one, many           string // the members that carry one input, and many
	alias               string // another name of many
	oneOutput, manyOuts string // the members of the answer, with their colon
}

// The formats.
var (
	// Native is {"input":…} → {"output":…} and {"inputs":[…]} → {"outputs":[…]}.
	Native = &Format{one: "input", many: "inputs", oneOutput: `{"output":`, manyOuts: `{"outputs":`}

	// V1 is KServe's and TensorFlow Serving's: {"instances":[…]}, or "inputs",
	// → {"predictions":[…]}.
	V1 = &Format{many: "instances", alias: "inputs", manyOuts: `{"predictions":`}
)

// Runner answers request bodies with one predictor.
type Runner interface {
	// Answer decodes body, predicts, and appends the encoded answer to dst.
	Answer(ctx context.Context, f *Format, dst, body []byte) ([]byte, error)

	// Predictor returns the predictor, a Predictor[I, O].
	Predictor() any
}

// Codec holds what all runners of a model share: how its values are read and
// written. It is immutable.
type Codec[I, O any] struct {
	signature Signature
	direct    func(*Format, []byte) (request[I], bool) // nil for none
	read      reader[I]
	write     writer[O]
}

// NewCodec returns the codec for a model's types. It fails if the signature is
// wrong, or a type has no JSON form: errors of the program.
func NewCodec[I, O any](s Signature) (*Codec[I, O], error) {
	s, err := s.normalize()
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	c := &Codec[I, O]{signature: s}
	if c.read, err = readerOf[I](size(s.Inputs)); err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	if _, err := schema.Of[O](); err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	if n := size(s.Outputs); is[O, float64]() && n != 1 {
		return nil, fmt.Errorf("output: the signature has %d numbers, and the type one", n)
	}
	c.direct = directOf[I](size(s.Inputs))
	c.write = writerOf[O](size(s.Outputs))
	return c, nil
}

// decode reads a body exactly.
func (c *Codec[I, O]) decode(f *Format, body []byte) (request[I], error) {
	if c.direct != nil {
		if req, ok := c.direct(f, body); ok {
			return req, nil
		}
	}
	return decode(f, c.read, body)
}

// Signature returns the signature with its defaults filled in.
func (c *Codec[I, O]) Signature() Signature { return c.signature }

// Runner returns the runner of a predictor.
func (c *Codec[I, O]) Runner(p Predictor[I, O]) Runner { return &runner[I, O]{c, p} }

type runner[I, O any] struct {
	codec     *Codec[I, O]
	predictor Predictor[I, O]
}

func (r *runner[I, O]) Predictor() any { return r.predictor }

func (r *runner[I, O]) Answer(ctx context.Context, f *Format, dst, body []byte) ([]byte, error) {
	req, err := r.codec.decode(f, body)
	if err != nil {
		return dst, err
	}
	if req.single {
		out, err := r.predictor.Predict(ctx, req.one)
		if err != nil {
			return dst, under(err, req.member)
		}
		dst, err = r.codec.write(append(dst, f.oneOutput...), out)
		return append(dst, '}'), err
	}
	outs, err := Batch(ctx, r.predictor, req.many)
	if err != nil {
		return dst, under(err, req.member)
	}
	dst = append(append(dst, f.manyOuts...), '[')
	for i, out := range outs {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = r.codec.write(dst, out); err != nil {
			return dst, fmt.Errorf("output %d: %w", i, err)
		}
	}
	return append(dst, ']', '}'), nil
}

// is reports whether T is exactly U, and so a func on U is one on T.
func is[T, U any]() bool { return reflect.TypeFor[T]() == reflect.TypeFor[U]() }
