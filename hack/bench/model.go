//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/hack/bench/load"
	"github.com/modelfn/modelfn/hack/bench/program"
	"github.com/modelfn/modelfn/hack/bench/target/linear"
	"github.com/modelfn/modelfn/samples"
)

// The targets, by their index. The first is the baseline.
const (
	bare = iota
	modelA
)

// prepare builds the programs, and writes the params that they serve.
func (r *servingRun) prepare(ctx context.Context) error {
	paths := map[string]string{}
	for _, pkg := range []string{"hack/bench/load/generator", "hack/bench/target/bare", "functions/model-a", "hack/bench/target/functions-framework"} {
		path, err := program.Build(ctx, r.root, r.dir, "./"+pkg)
		if err != nil {
			return err
		}
		paths[filepath.Base(pkg)] = path
	}
	set, err := writeBundle(ctx, r.file("model-a.json"))
	if err != nil {
		return err
	}
	model, err := plain(&set)
	if err != nil {
		return err
	}
	text, err := json.Marshal(model)
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.file("linear.json"), text, 0o600); err != nil {
		return err
	}
	if r.exchanges, err = exchanges(model); err != nil {
		return err
	}
	r.generator = generator(paths["generator"])
	plainEnv := []string{"MODEL=" + r.file("linear.json"), "FUNCTION_TARGET=predict"}
	modelEnv := []string{"HOST=127.0.0.1", "ADMIN_PORT=0", "PARAMS_PATH=" + r.file("model-a.json")}
	r.targets = []target{
		{"net/http", paths["bare"], plainEnv},
		{"model-a", paths["model-a"], modelEnv},
		{"functions-framework-go", paths["functions-framework"], plainEnv},
	}
	if r.other != "" {
		r.targets = append(r.targets, target{"other", r.other, modelEnv})
	}
	return nil
}

// writeBundle trains the models on the sample data, writes the bundle of model-a to a
// file, and returns the set in it.
func writeBundle(ctx context.Context, file string) (params.Set, error) {
	data, err := training.ReadCSV(bytes.NewReader(samples.Diabetes))
	if err != nil {
		return params.Set{}, fmt.Errorf("reading the sample data: %w", err)
	}
	results, err := training.Train(ctx, data, nil)
	if err != nil {
		return params.Set{}, err
	}
	i := slices.IndexFunc(results, func(r training.Result) bool { return r.Name == "model-a" })
	bundle := results[i].Bundle
	text, err := bundle.Encode()
	if err != nil {
		return params.Set{}, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return params.Set{}, err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return params.Set{}, err
	}
	return bundle.Set("model-a")
}

// plain is what a model of the bundle says, for the programs that know no
// documents.
func plain(set *params.Set) (*linear.Model, error) {
	var a quantile.Params
	var d standardize.Params
	err := errors.Join(
		json.Unmarshal(set.Params, &a),
		json.Unmarshal(set.Components["component-d"].Params, &d))
	if err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	return &linear.Model{Mean: d.Mean, Deviation: d.Scale, Weights: a.Weights, Intercept: a.Bias}, nil
}

// patient is a row of the sample data.
type patient struct {
	input [standardize.Features]float64
	text  string // the input as it is written in the file
}

func patients() ([]patient, error) {
	rows, err := csv.NewReader(bytes.NewReader(samples.Diabetes)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the sample data: %w", err)
	}
	var list []patient
	for _, row := range rows[1:] {
		var p patient
		var text []string
		for i, value := range standardize.Inputs() {
			cell := row[slices.Index(rows[0], value.Name)]
			if p.input[i], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, fmt.Errorf("reading the sample data: %w", err)
			}
			text = append(text, cell)
		}
		p.text = strings.Join(text, ",")
		list = append(list, p)
	}
	return list, nil
}

// exchanges are the predictions for all patients.
func exchanges(m *linear.Model) ([]load.Exchange, error) {
	rows, err := patients()
	if err != nil {
		return nil, err
	}
	list := make([]load.Exchange, len(rows))
	for i, row := range rows {
		output, err := json.Marshal(m.Predict(row.input[:]))
		if err != nil {
			return nil, err
		}
		body := `{"input":[` + row.text + `]}`
		list[i] = load.Exchange{
			Request: fmt.Appendf(nil, "POST /predict HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"+
				"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
			Answer: fmt.Appendf(nil, `{"output":%s}`, output),
		}
	}
	return list, nil
}
