package framework

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/predict"
	"github.com/modelfn/modelfn/framework/remote"
	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// Deps are the components that a model is built with: for each one that the
// params require, its predictor at exactly the version that they pin. It is for
// one build, and for one goroutine.
type Deps struct {
	ctx      context.Context
	parts    *parts
	set      *params.Set
	requires map[string]params.Pin
	built    map[string]predict.Runner // components that were built for this set
	closers  *[]io.Closer              // of the whole set, in the order of building
}

// parts are the components that a program knows: the code of those that run in
// it, and the clients of those that do not.
type parts struct {
	builders map[string]builder
	remotes  map[string]*remote.Client
}

// Use returns the predictor of a component, which runs in the process or behind
// a network: its outputs are the same to the last bit. It fails if the params do
// not require the component, or if its types are others than I and O.
func Use[I, O any](deps *Deps, component string) (Predictor[I, O], error) {
	pin, ok := deps.requires[component]
	if !ok {
		return nil, fmt.Errorf("the params do not require %s", component)
	}
	if client, ok := deps.parts.remotes[component]; ok {
		return &remotePredictor[I, O]{client, pin}, nil
	}
	runner, err := deps.build(component)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		// Its path is one of the component's params, not of the model's.
		return nil, &fault.Error{Kind: f.Kind, Message: "component " + component + ": " + f.Public(), RetryAfter: f.RetryAfter, Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("component %s: %w", component, err)
	}
	p, ok := runner.Predictor().(Predictor[I, O])
	if !ok {
		return nil, fmt.Errorf("component %s has other types than the model expects: %T", component, runner.Predictor())
	}
	return p, nil
}

// build builds a component once for the set.
func (d *Deps) build(component string) (predict.Runner, error) {
	if runner, ok := d.built[component]; ok {
		return runner, nil
	}
	build, ok := d.parts.builders[component]
	if !ok {
		return nil, errors.New("the program has neither its code nor its URL")
	}
	doc, ok := d.set.Components[component]
	if !ok {
		return nil, errors.New("its params are missing")
	}
	own := *d
	own.requires = doc.Requires
	runner, err := build(d.ctx, doc.Params, &own)
	if err != nil {
		return nil, err
	}
	d.built[component] = runner
	return runner, nil
}

// closeLater notes a predictor that wants to be closed.
func (d *Deps) closeLater(predictor any) {
	if c, ok := predictor.(io.Closer); ok {
		*d.closers = append(*d.closers, c)
	}
}

// remotePredictor is a component behind a network.
type remotePredictor[I, O any] struct {
	client *remote.Client
	pin    params.Pin
}

func (p *remotePredictor[I, O]) Predict(ctx context.Context, in I) (out O, err error) {
	body, err := encode(struct {
		Input I `json:"input"`
	}{in})
	if err != nil {
		return out, err
	}
	answer, err := call[struct {
		Output *O `json:"output"`
	}](ctx, p.client, p.pin, body)
	if err != nil {
		return out, err
	}
	if answer.Output == nil {
		return out, errors.New("the component's answer has no output")
	}
	return *answer.Output, nil
}

// maxBatch is how long a request with many inputs may be, in bytes: half of what a
// function takes by default, as numbers may have more digits than they came with.
const maxBatch = 512 << 10

// PredictBatch asks for a batch that is too long in two halves. Each answer is of the
// pinned document, so that the outputs are, too.
func (p *remotePredictor[I, O]) PredictBatch(ctx context.Context, in []I) ([]O, error) {
	body, err := encode(struct {
		Inputs []I `json:"inputs"`
	}{in})
	if err != nil {
		return nil, err
	}
	if half := len(in) / 2; len(body) > maxBatch && half > 0 {
		out, err := p.PredictBatch(ctx, in[:half])
		if err != nil {
			return nil, err
		}
		rest, err := p.PredictBatch(ctx, in[half:])
		return append(out, rest...), behind(err, half)
	}
	answer, err := call[struct {
		Outputs []O `json:"outputs"`
	}](ctx, p.client, p.pin, body)
	if err == nil && len(answer.Outputs) != len(in) {
		err = fmt.Errorf("the component gave %d outputs for %d inputs", len(answer.Outputs), len(in))
	}
	return answer.Outputs, err
}

// behind makes the path of a fault, within inputs that came behind n others, one
// within all of them.
func behind(err error, n int) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	index, rest, _ := strings.Cut(strings.TrimPrefix(f.Path, "["), "]")
	i, noIndex := strconv.Atoi(index)
	if noIndex != nil {
		return err
	}
	moved := *f
	moved.Path = fmt.Sprintf("[%d]%s", n+i, rest)
	return &moved
}

// encode writes a request as JSON whose numbers read back as the same bits.
func encode(q any) ([]byte, error) {
	body, err := schema.Encode(q)
	if err != nil {
		return nil, fmt.Errorf("request to a component: %w", err)
	}
	return body, nil
}

// call posts a request to a component and reads its answer, whose numbers are read as
// the same bits.
func call[A any](ctx context.Context, client *remote.Client, pin params.Pin, body []byte) (answer A, err error) {
	text, err := client.Predict(ctx, pin, body)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("reading a component's answer: %w", err)
	}
	return answer, nil
}

// build builds the whole set: the components, then the model. What it returns
// closes all of it, in the reverse order; nil if nothing needs closing.
func (p *parts) build(ctx context.Context, model builder, set *params.Set) (runner predict.Runner, closeSet func() error, err error) {
	var closers []io.Closer
	closeAll := func() error {
		var errs []error
		for _, c := range slices.Backward(closers) {
			errs = append(errs, closeOne(c))
		}
		return errors.Join(errs...)
	}
	deps := &Deps{
		ctx: ctx, parts: p, set: set, requires: set.Requires,
		built: map[string]predict.Runner{}, closers: &closers,
	}
	built := false
	defer func() { // also if the model's code panics
		if !built {
			err = errors.Join(err, closeAll())
		}
	}()
	if runner, err = model(ctx, set.Params, deps); err != nil {
		return nil, nil, err
	}
	built = true
	if len(closers) == 0 {
		return runner, nil, nil
	}
	return runner, closeAll, nil
}

// closeOne closes a predictor. A panic in it is an error: the function goes on with
// what it has, and with what is left to close.
func closeOne(c io.Closer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.Close()
}

// newParts prepares the components of a program.
func newParts(components []Function, urls map[string]string, log *telemetry.Log, metrics *telemetry.Metrics) (*parts, error) {
	p := &parts{builders: map[string]builder{}, remotes: map[string]*remote.Client{}}
	for _, c := range components {
		build, err := c.builder()
		if err != nil {
			return nil, err
		}
		if _, twice := p.builders[c.name()]; twice {
			return nil, fmt.Errorf("component %s is there twice", c.name())
		}
		p.builders[c.name()] = build
	}
	for name, url := range urls {
		client, err := remote.New(remote.Config{Component: name, URL: url, Log: log.Logger, Metrics: metrics})
		if err != nil {
			return nil, err
		}
		p.remotes[name] = client
	}
	return p, nil
}

func (p *parts) close() {
	for _, c := range p.remotes {
		c.Close()
	}
}
