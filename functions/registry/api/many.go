package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/schema"
)

// part is one model's share of PUT /params.
type part struct {
	Params   jsontext.Value            `json:"params"`
	Requires map[string]jsontext.Value `json:"requires,omitzero"` // a pin, or "new"
	Schema   jsontext.Value            `json:"schema,omitzero"`
	Message  string                    `json:"message,omitzero"`
	IfMatch  string                    `json:"ifMatch,omitzero"`
	Hold     bool                      `json:"hold,omitzero"`
}

// plannedWrite is one model's write, and the components that it pins as this very
// request writes them.
type plannedWrite struct {
	Write
	model string
	fresh []string
}

// Outcome is what became of one model's share of a request.
type Outcome struct {
	Status  int              `json:"status"` // as HTTP has it
	Version int64            `json:"version,omitzero"`
	Digest  string           `json:"digest,omitzero"`
	Error   string           `json:"error,omitzero"`
	Current *params.Document `json:"current,omitzero"` // if it is another one than expected
}

// parseMany reads the body of PUT /params: by model, or in flat names.
func (r *Registry) parseMany(ctx context.Context, body []byte, flat bool) ([]*plannedWrite, error) {
	raw, err := schema.Decode[map[string]jsontext.Value](body)
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, fault.New(fault.Invalid, "the request names no model")
	}
	if flat || onlyFlat(raw) {
		writes, err := r.unflatten(ctx, raw)
		if err != nil {
			return nil, err
		}
		return inOrder(writes)
	}
	byName := map[string]*plannedWrite{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		p, err := schema.Decode[part](raw[name])
		if err == nil {
			byName[name], err = p.plan(name)
		}
		if err != nil {
			return nil, fault.From(err).Under(name)
		}
	}
	for name, w := range byName {
		for _, component := range w.fresh {
			if byName[component] == nil {
				return nil, fault.Field(name+".requires."+component, `"new", but the request does not write it`)
			}
		}
	}
	return inOrder(byName)
}

func onlyFlat(raw map[string]jsontext.Value) bool {
	for name := range raw {
		if !strings.HasPrefix(name, flatPrefix) {
			return false
		}
	}
	return true
}

// plan reads a part: its pins, and the components that it takes as new.
func (p *part) plan(model string) (*plannedWrite, error) {
	w := &plannedWrite{model: model, Write: Write{
		Params: p.Params, Schema: p.Schema, Message: p.Message, IfMatch: p.IfMatch, Held: p.Hold,
	}}
	if p.Requires != nil {
		w.Requires = map[string]params.Pin{}
	}
	for name, raw := range p.Requires {
		if string(raw) == `"new"` {
			w.fresh = append(w.fresh, name)
			continue
		}
		pin, err := schema.Decode[params.Pin](raw)
		if err != nil {
			return nil, fault.From(err).Under("requires." + name)
		}
		w.Requires[name] = pin
	}
	slices.Sort(w.fresh)
	return w, nil
}

// inOrder returns the writes with each component before the models that pin it.
func inOrder(byName map[string]*plannedWrite) ([]*plannedWrite, error) {
	var order []*plannedWrite
	const visiting, done = 1, 2
	marks := map[string]int{}
	var visit func(name string) error
	visit = func(name string) error {
		switch marks[name] {
		case visiting:
			return fault.Field(name+".requires", "requires itself through others")
		case done:
			return nil
		}
		marks[name] = visiting
		for _, component := range byName[name].fresh {
			if err := visit(component); err != nil {
				return err
			}
		}
		marks[name] = done
		order = append(order, byName[name])
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// PutMany makes several writes, components first, after all of them were checked.
// It reports what became of each, and whether all were made. If a check finds that
// another document is current than a write expects, none is made; if that turns out
// later, a write whose component was not written is not made either.
func (r *Registry) PutMany(ctx context.Context, writes []*plannedWrite) (map[string]Outcome, bool, error) {
	outcomes, err := r.checkMany(ctx, writes)
	if err != nil || outcomes != nil {
		return outcomes, false, err
	}
	outcomes = map[string]Outcome{}
	made := map[string]*params.Document{}
	for _, w := range writes {
		d, err := r.putOne(ctx, w, made)
		if err != nil {
			r.log.Warn("params not written", "of", w.model, "error", err.Error())
			outcomes[w.model] = failed(err)
			continue
		}
		outcomes[w.model], made[w.model] = succeeded(d), d
	}
	return outcomes, len(made) == len(writes), nil
}

// putOne makes one of several writes, given those that were made before.
func (r *Registry) putOne(ctx context.Context, w *plannedWrite, made map[string]*params.Document) (*params.Document, error) {
	one := w.Write
	one.Requires = maps.Clone(w.Requires)
	for _, component := range w.fresh {
		d, ok := made[component]
		if !ok {
			return nil, &notTriedError{because: component}
		}
		one.Requires[component] = d.Pin()
	}
	return r.Put(ctx, w.model, one)
}

// notTriedError says that another write kept one from being made.
type notTriedError struct{ because string }

func (e *notTriedError) Error() string { return e.because + " was not written" }

func succeeded(d *params.Document) Outcome {
	return Outcome{Status: http.StatusOK, Version: d.Version, Digest: d.Digest}
}

func failed(err error) Outcome {
	if e, ok := errors.AsType[*notTriedError](err); ok {
		return Outcome{Status: http.StatusFailedDependency, Error: e.Error()}
	}
	f := fault.From(err)
	out := Outcome{Status: f.Kind.Status(), Error: f.Public()}
	if e, ok := errors.AsType[*ConflictError](err); ok {
		out.Current = e.Current
	}
	return out
}

// checkMany finds out what can be known before anything is written. It refuses the
// whole request for what is wrong in itself, and returns the outcomes, else nil, if
// a write expects another document than the current one.
func (r *Registry) checkMany(ctx context.Context, writes []*plannedWrite) (map[string]Outcome, error) {
	var p fault.Problems
	outcomes := map[string]Outcome{}
	conflict := ""
	for _, w := range writes {
		before, err := r.check(ctx, w)
		f := fault.From(err)
		switch {
		case err == nil && before != nil:
			outcomes[w.model] = succeeded(before)
		case err == nil:
		case f.Kind == fault.Precondition:
			outcomes[w.model], conflict = failed(err), w.model
		case f.Kind == fault.Invalid:
			under := f.Under(w.model)
			p.Add(under.Path, "%s", under.Message)
		default:
			return nil, err
		}
	}
	if err := p.Err(); err != nil || conflict == "" {
		return nil, err
	}
	for _, w := range writes {
		if _, ok := outcomes[w.model]; !ok {
			outcomes[w.model] = failed(&notTriedError{because: conflict})
		}
	}
	return outcomes, nil
}

// check checks one write of several. It returns the document if the write was made
// before.
func (r *Registry) check(ctx context.Context, w *plannedWrite) (*params.Document, error) {
	if !params.IsName(w.model) {
		return nil, fault.New(fault.Invalid, "not the name of a model")
	}
	now, err := r.look(ctx, w.model)
	if err != nil {
		return nil, err
	}
	if d, err := r.repeated(ctx, w.model, now, &w.Write); err != nil || d != nil {
		return d, err
	}
	_, err = r.plan(ctx, w.model, now, &w.Write)
	return nil, err
}
