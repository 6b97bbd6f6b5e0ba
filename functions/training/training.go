// Package training makes the params of the sample models: component D first, then
// the models A, B and C on what D makes of the data.
//
// A, B and C are fitted to the quantiles 0.1, 0.5 and 0.9 by the smallest mean
// pinball loss over all rows, without regularization. The minimum is exact, and
// every fit is proved to be one before it is given out. Training takes
// milliseconds, is deterministic, and makes the same bytes every time.
package training

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
)

// Quantiles are the models that are trained, and the quantile of each.
var Quantiles = []struct {
	Model    string
	Quantile float64
}{{"model-a", 0.1}, {"model-b", 0.5}, {"model-c", 0.9}}

// Result is what the training of one function gave.
type Result struct {
	Name   string         // of the function
	Bundle *params.Bundle // its document, and those it requires

	Rows int
	Took time.Duration

	// Loss is the mean pinball loss, and Coverage the share of rows that are not
	// above the prediction; both are 0 for a component, which predicts nothing.
	Quantile float64
	Loss     float64
	Coverage float64
}

// Predicts reports whether the function predicts the target, and so has a loss.
func (r *Result) Predicts() bool { return r.Quantile != 0 }

// Train trains component D and the models A, B and C, in this order. progress is
// told the name of each function before its training; it may be nil.
func Train(ctx context.Context, d *Data, progress func(name string)) ([]Result, error) {
	if progress == nil {
		progress = func(string) {}
	}
	progress(standardize.Model.Name)
	component, err := trainComponent(d)
	if err != nil {
		return nil, fmt.Errorf("training %s: %w", standardize.Model.Name, err)
	}
	rows, err := design(ctx, d, component.params)
	if err != nil {
		return nil, err
	}
	results := []Result{component.Result}
	for _, m := range Quantiles {
		progress(m.Model)
		r, err := trainModel(ctx, m.Model, &problem{x: rows, y: d.target, tau: m.Quantile}, &component.Bundle.Documents[0])
		if err != nil {
			return nil, fmt.Errorf("training %s: %w", m.Model, err)
		}
		results = append(results, *r)
	}
	return results, nil
}

// trainedComponent is the result of D with its params.
type trainedComponent struct {
	Result
	params standardize.Params
}

func trainComponent(d *Data) (*trainedComponent, error) {
	start := time.Now()
	p, err := standardize.Fit(d.features)
	if err != nil {
		return nil, err
	}
	doc, err := document(standardize.Model.Name, nil, p)
	if err != nil {
		return nil, err
	}
	return &trainedComponent{params: p, Result: Result{
		Name: doc.Model, Bundle: &params.Bundle{Documents: []params.Document{doc}}, Rows: d.Rows(), Took: time.Since(start),
	}}, nil
}

// design returns D's output for each row, with a 1 for the bias.
func design(ctx context.Context, d *Data, p standardize.Params) ([][]float64, error) {
	features := standardize.New(p)
	rows := make([][]float64, d.Rows())
	for i := range d.features {
		z, err := features.Predict(ctx, d.features[i][:])
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		rows[i] = append(z, 1)
	}
	return rows, nil
}

func trainModel(ctx context.Context, name string, q *problem, component *params.Document) (*Result, error) {
	start := time.Now()
	s, err := q.minimize(ctx)
	if err != nil {
		return nil, err
	}
	p := quantile.Params{Weights: s.beta[:standardize.Features], Bias: s.beta[standardize.Features], Quantile: q.tau}
	doc, err := document(name, map[string]params.Pin{component.Model: component.Pin()}, p)
	if err != nil {
		return nil, err
	}
	return &Result{
		Name: name, Bundle: &params.Bundle{Documents: []params.Document{doc, *component}},
		Rows: len(q.y), Took: time.Since(start),
		Quantile: q.tau, Loss: q.loss(s.beta) / float64(len(q.y)), Coverage: s.coverage(),
	}, nil
}

// document makes a document that never was in a registry.
func document(name string, requires map[string]params.Pin, p any) (params.Document, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return params.Document{}, fmt.Errorf("writing the params: %w", err)
	}
	return params.New(name, requires, text)
}
