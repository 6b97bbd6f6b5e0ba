//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/functions/standardize"
	"github.com/modelfn/modelfn/hack/bench/program"
	"github.com/modelfn/modelfn/knative/function"
	"github.com/modelfn/modelfn/knative/local"
	"github.com/modelfn/modelfn/knative/registry"
)

// replicas is a local run of model-a, several processes of it, with its registry.
type replicas struct {
	*local.Run
	client *registry.Client
	set    params.Set // of version 1
	end    context.CancelFunc
	ended  chan error
}

// startReplicas builds the programs and starts them.
func startReplicas(ctx context.Context, s *session, n int) (*replicas, error) {
	for _, p := range []string{"registry", "component-d", "model-a"} {
		if _, err := program.Build(ctx, s.root, s.dir, "./functions/"+p); err != nil {
			return nil, err
		}
	}
	folder, err := os.MkdirTemp(s.dir, "run-")
	if err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	run, err := local.Open(local.Config{
		Listen: "127.0.0.1:0", Folder: folder, Programs: s.dir,
		Functions: []function.Spec{function.Named("model-a")}, Replicas: n, Registry: true,
		Ready: func() { close(ready) },
	})
	if err != nil {
		return nil, err
	}
	r := &replicas{Run: run, ended: make(chan error, 1)}
	if r.set, err = writeBundle(ctx, filepath.Join(run.Bundles(), "model-a.json")); err != nil {
		run.Close()
		return nil, err
	}
	ctx, r.end = context.WithCancel(ctx)
	go func() { r.ended <- run.Serve(ctx, nil) }()
	select {
	case <-ready:
	case err := <-r.ended:
		run.Close()
		return nil, errors.Join(errors.New("the run did not start"), err)
	}
	r.client, err = registry.New(run.URL(), "")
	if err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// close ends the run and all its programs.
func (r *replicas) close() error {
	r.end()
	err := <-r.ended
	r.Close()
	return err
}

// changed returns the params of the first version with another bias, and what they
// answer to an input.
func (r *replicas) changed(bias float64, input []float64) (jsontext.Value, float64, error) {
	var p quantile.Params
	var d standardize.Params
	if err := errors.Join(json.Unmarshal(r.set.Params, &p), json.Unmarshal(r.set.Components["component-d"].Params, &d)); err != nil {
		return nil, 0, fmt.Errorf("reading the bundle: %w", err)
	}
	p.Bias += bias
	text, err := json.Marshal(p)
	if err != nil {
		return nil, 0, err
	}
	output, err := quantile.New(p, standardize.New(d)).Predict(context.Background(), input)
	return text, output, err
}
