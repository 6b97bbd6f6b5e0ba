//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/hack/bench/load"
	"github.com/modelfn/modelfn/knative/console"
	stream "github.com/modelfn/modelfn/knative/console/live"
	"github.com/modelfn/modelfn/knative/registry"
)

const (
	liveReplicas = 4
	liveSaves    = 100
	liveBar      = 300 // ms
	manyModels   = 100
	manyVersions = 1000
	manyBar      = 50 // ms
)

// live measures what a person at the page waits for: after Save, until the last
// replica is shown with the new params; and the lists, when there is a lot in them.
func live(ctx context.Context, s *session) (_ report, err error) {
	s.progress.say("live: starting %d replicas", liveReplicas)
	r, err := startReplicas(ctx, s, liveReplicas)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	saves, versions := liveSaves, manyVersions
	if s.quick {
		saves, versions = 3, 10
	}
	written, shown, err := r.saves(ctx, s, saves)
	if err != nil {
		return nil, err
	}
	f := &facts{Notes: fmt.Sprintf("Save is a PUT through the gateway, of %d one after another; shown is when the live stream has told that all %d replicas\n"+
		"serve what was saved. The lists are of %d models and %d versions of one, through the gateway.", saves, liveReplicas, manyModels, versions+saves+1)}
	f.add("save, median", "ms", milliseconds(load.Quantile(written, 0.5)))
	f.atMost(liveBar, "shown, median", "ms", milliseconds(load.Quantile(shown, 0.5)))
	f.add("shown, p99", "ms", milliseconds(load.Quantile(shown, 0.99)))
	if err := r.fill(ctx, s, versions); err != nil {
		return nil, err
	}
	for _, list := range []struct{ name, path string }{
		{"list of models", "/api/models"},
		{"current params", "/params"},
		{"newest 100 versions", "/params/model-a/versions?limit=100"},
		{"oldest 100 versions", "/params/model-a/versions?limit=100&before=101"},
	} {
		took, err := r.timed(ctx, list.path, saves)
		if err != nil {
			return nil, err
		}
		f.atMost(manyBar, list.name+", p99", "ms", milliseconds(load.Quantile(took, 0.99)))
	}
	return f, nil
}

// saves writes versions and returns how long each write took, and how long it was
// until it was shown; both in order.
func (r *replicas) saves(ctx context.Context, s *session, n int) (written, shown []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL()+"/api/live", nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	next, stop := iter.Pull2(stream.Read(resp.Body))
	defer stop()
	if err := untilShown(next, 1); err != nil {
		return nil, nil, err
	}
	for i := range n {
		s.progress.say("live: version %d of %d", i+1, n)
		p, _, err := r.changed(float64(i+1), swapInput)
		if err != nil {
			return nil, nil, err
		}
		began := time.Now()
		d, err := r.client.Put(ctx, "model-a", registry.Change{Params: p}, registry.Options{})
		if err != nil {
			return nil, nil, err
		}
		written = append(written, time.Since(began))
		if err := untilShown(next, d.Version); err != nil {
			return nil, nil, err
		}
		shown = append(shown, time.Since(began))
	}
	slices.Sort(written)
	slices.Sort(shown)
	return written, shown, nil
}

// untilShown reads the stream until all replicas serve a version.
func untilShown(next func() (stream.Event, error, bool), version int64) error {
	for {
		e, err, ok := next()
		if err != nil || !ok {
			return errors.Join(errors.New("the stream ended"), err)
		}
		if e.Name != "replicas" {
			continue
		}
		var told console.ReplicasEvent
		if err := json.Unmarshal(e.Data, &told); err != nil {
			return err
		}
		have := 0
		for _, one := range told.Replicas {
			if one.Version == version && one.State == params.Serving {
				have++
			}
		}
		if told.Model == "model-a" && have == liveReplicas {
			return nil
		}
	}
}

// fill writes many versions of the model, and as many other models as are missing.
func (r *replicas) fill(ctx context.Context, s *session, versions int) error {
	for i := range versions {
		s.progress.say("live: filling the registry, version %d of %d", i+1, versions)
		p, _, err := r.changed(float64(-i-1), swapInput)
		if err != nil {
			return err
		}
		if _, err := r.client.Put(ctx, "model-a", registry.Change{Params: p}, registry.Options{}); err != nil {
			return err
		}
	}
	others := map[string]registry.Part{}
	for i := range manyModels - 2 { // model-a and component-d are there
		others[fmt.Sprintf("model-%03d", i)] = registry.Part{
			Params: jsontext.Value(`{"weights":[1,2,3],"bias":4}`), Schema: jsontext.Value(`{"type":"object"}`),
		}
	}
	_, err := r.client.PutMany(ctx, others, "")
	return err
}

// timed asks for a path again and again, and returns how long the whole answers took,
// in order.
func (r *replicas) timed(ctx context.Context, path string, n int) ([]time.Duration, error) {
	var took []time.Duration
	for range n {
		began := time.Now()
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL()+path, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, errors.Join(fmt.Errorf("%s: %s", path, resp.Status), err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took, nil
}
