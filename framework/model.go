package framework

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/predict"
	"github.com/modelfn/modelfn/framework/schema"
)

// The types that an author meets first; their packages describe them.
type (
	// Predictor answers one input. It is immutable and safe for concurrent use.
	Predictor[I, O any] = predict.Predictor[I, O]

	// Signature says what goes into a model and what comes out.
	Signature = predict.Signature

	// Value is one input or output of a signature.
	Value = predict.Value

	// Range is where a value lies in the training data.
	Range = predict.Range
)

// Model is a model's code: what its params, its inputs and its outputs are, and
// how params become a predictor. It is a value; nothing is registered anywhere.
//
// P's fields and tags say what the params may be (see package schema). A method
// Validate() error on P checks what tags cannot say; it reports all problems, for
// example with [fault.Problems].
type Model[P, I, O any] struct {
	// Name is the model's name, a DNS-1035 label of at most 63 characters.
	Name string

	// Description says in a sentence what the model is for.
	Description string

	// Signature describes the inputs and outputs.
	Signature Signature

	// Build returns the predictor for params that are valid. It gets the
	// components that the params were trained with by [Use]. An error means that the
	// params do not fit, and they are not tried again; but they are after one that
	// holds a fault of kind Unavailable, or that a context has ended.
	//
	// A predictor may have more methods: PredictBatch (see
	// [predict.BatchPredictor]), Warm (see [Warmer]) and Close (see [io.Closer]),
	// which is called after the predictor's last request.
	Build func(ctx context.Context, p P, deps *Deps) (Predictor[I, O], error)
}

// Warmer is a predictor that wants to do something before its first request. Its
// errors mean what those of [Model.Build] do.
type Warmer interface {
	Warm(ctx context.Context) error
}

// Function is a model whose types are no longer in its type. Every [Model] is
// one, and nothing else is.
type Function interface {
	// Describe returns what others need to know of the model.
	Describe() (Description, error)

	name() string

	// builder returns the function that builds a runner from params, or what is
	// wrong with the model itself.
	builder() (builder, error)
}

// builder builds what answers requests from the params of a document.
type builder func(ctx context.Context, params jsontext.Value, deps *Deps) (predict.Runner, error)

// Description is what others need to know of a model: the output of a program's
// --describe.
type Description struct {
	Model       string         `json:"model"`
	Description string         `json:"description,omitzero"`
	Signature   Signature      `json:"signature"`
	Schema      jsontext.Value `json:"schema"` // the JSON Schema of the params

	// Components are those that the program has in it; nil if it is not a program that
	// describes itself.
	Components []string `json:"components,omitzero"`
}

// Describe implements [Function].
func (m Model[P, I, O]) Describe() (Description, error) {
	codec, s, err := m.compile()
	if err != nil {
		return Description{}, err
	}
	return Description{Model: m.Name, Description: m.Description, Signature: codec.Signature(), Schema: s.JSON()}, nil
}

func (m Model[P, I, O]) name() string { return m.Name }

// compile checks the model's declaration.
func (m Model[P, I, O]) compile() (*predict.Codec[I, O], *schema.Schema, error) {
	if !params.IsName(m.Name) {
		return nil, nil, fmt.Errorf("model %q: the name is not a DNS-1035 label", m.Name)
	}
	if m.Build == nil {
		return nil, nil, fmt.Errorf("model %s: Build is nil", m.Name)
	}
	s, err := schema.Of[P]()
	if err != nil {
		return nil, nil, fmt.Errorf("model %s: params: %w", m.Name, err)
	}
	codec, err := predict.NewCodec[I, O](m.Signature)
	if err != nil {
		return nil, nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	return codec, s, nil
}

func (m Model[P, I, O]) builder() (builder, error) {
	codec, _, err := m.compile()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, raw jsontext.Value, deps *Deps) (predict.Runner, error) {
		p, err := parse[P](raw)
		if err != nil {
			return nil, err
		}
		predictor, err := m.Build(ctx, p, deps)
		if err != nil {
			return nil, unfit("building the model", err)
		}
		if predictor == nil {
			return nil, unfit("building the model", errors.New("no predictor came of it"))
		}
		deps.closeLater(predictor)
		if w, ok := predictor.(Warmer); ok {
			if err := w.Warm(ctx); err != nil {
				return nil, unfit("warming the model up", err)
			}
		}
		return codec.Runner(predictor), nil
	}, nil
}

// parse reads and validates params: what it returns is usable.
func parse[P any](raw jsontext.Value) (P, error) {
	p, err := schema.Decode[P](raw)
	if err == nil {
		if v, ok := any(&p).(interface{ Validate() error }); ok {
			err = v.Validate()
		}
	}
	if err != nil {
		return p, unfit("", err)
	}
	return p, nil
}

// unfit makes an error of a model's own code a fault, so that it is reported as
// one of the params; a fault in it stays what it is, with its path below params.
// That a context has ended says nothing about the params.
func unfit(doing string, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		if f.Kind == fault.Invalid {
			return f.Under("params")
		}
		return err
	}
	if doing != "" {
		err = fmt.Errorf("%s: %w", doing, err)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &fault.Error{Kind: fault.Invalid, Path: "params", Message: err.Error()}
}
