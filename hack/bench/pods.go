//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/hack/bench/load"
	"github.com/modelfn/modelfn/knative/registry"
)

const (
	podsReplicas = 3
	podsVersions = 20
	podsPause    = 300 * time.Millisecond // a replica loads at most five times a second
	podsToken    = "dev-token"            // of knative/config/overlays/dev
)

// pods writes version after version of the params of model-a, and looks at three pods
// of it: how long after a PUT was sent the last of them answers a prediction from the new
// params. What was current before is so again afterwards.
func pods(ctx context.Context, s *session) (_ report, err error) {
	s.progress.say("pods: deploying")
	c, err := newCluster(ctx, "modelfn-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.remove(context.WithoutCancel(ctx))) }()
	service, err := c.model(s.root, "pods", fmt.Sprintf("scale: {min: %d, max: %d}", podsReplicas, podsReplicas))
	if err != nil {
		return nil, err
	}
	if err := c.deploy(ctx, service); err != nil {
		return nil, err
	}
	addresses, err := c.kubectl(ctx, "", "get", "pods", "--output", "jsonpath={.items[*].status.podIP}")
	if err != nil {
		return nil, err
	}
	client, err := registry.New("http://registry."+platform+".svc.cluster.local", podsToken)
	if err != nil {
		return nil, err
	}
	before, err := client.Current(ctx, "model-a")
	if err != nil {
		return nil, err
	}
	defer func() {
		_, back := client.Rollback(context.WithoutCancel(ctx), "model-a", before.Version, "after a benchmark", registry.Options{})
		err = errors.Join(err, back)
	}()
	lags, err := podLags(ctx, s, client, before, strings.Fields(addresses))
	if err != nil {
		return nil, err
	}
	slices.Sort(lags)
	f := &facts{Notes: fmt.Sprintf("%d PUTs one after another, %d pods of one Service. The time is from when a PUT is sent until the last pod has\n"+
		"answered a prediction from its params; each pod is asked again and again.", len(lags), podsReplicas)}
	f.add("all pods, median", "ms", milliseconds(load.Quantile(lags, 0.5)))
	f.add("all pods, p99", "ms", milliseconds(load.Quantile(lags, 0.99)))
	return f, nil
}

// podLags returns how long each of the changes took.
func podLags(ctx context.Context, s *session, client *registry.Client, before params.Document, addresses []string) ([]time.Duration, error) {
	var values map[string]jsontext.Value
	if err := json.Unmarshal(before.Params, &values); err != nil {
		return nil, err
	}
	if len(addresses) != podsReplicas {
		return nil, fmt.Errorf("there are %d pods, and not %d", len(addresses), podsReplicas)
	}
	seen := make([]sightings, len(addresses))
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i, address := range addresses {
		running.Go(func() { seen[i].look(ctx, "http://"+address+":8080/predict") })
	}
	versions := podsVersions
	if s.quick {
		versions = 2
	}
	var lags []time.Duration
	for n := range versions {
		s.progress.say("pods: version %d of %d", n+1, versions)
		values["bias"] = jsontext.Value(strconv.Itoa(100 + n))
		written, err := json.Marshal(values)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		d, err := client.Put(ctx, "model-a", registry.Change{Params: written, Message: "a benchmark"}, registry.Options{})
		if err != nil {
			return nil, err
		}
		last := start
		for i := range seen {
			at, err := seen[i].of(ctx, d)
			if err != nil {
				return nil, fmt.Errorf("pod %s: %w", addresses[i], err)
			}
			if at.After(last) {
				last = at
			}
		}
		lags = append(lags, last.Sub(start))
		time.Sleep(podsPause)
	}
	return lags, nil
}

// sightings are when a pod was first seen to answer from each version.
type sightings struct {
	mu sync.Mutex // guards at
	at map[string]time.Time
}

// look asks the pod until ctx ends.
func (s *sightings) look(ctx context.Context, url string) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"input":[32.1,101,4.8598]}`))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if version := resp.Header.Get("Modelfn-Params-Version"); err == nil && resp.StatusCode == http.StatusOK {
			s.mu.Lock()
			if s.at == nil {
				s.at = map[string]time.Time{}
			}
			if _, known := s.at[version]; !known {
				s.at[version] = time.Now()
			}
			s.mu.Unlock()
		}
		time.Sleep(time.Millisecond) // the pods share the machine
	}
}

// of waits until the pod was seen to answer from a document.
func (s *sightings) of(ctx context.Context, d params.Document) (time.Time, error) {
	for {
		s.mu.Lock()
		at, ok := s.at[fmt.Sprint(d.Version)]
		s.mu.Unlock()
		if ok {
			return at, nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("version %d does not come: %w", d.Version, ctx.Err())
		}
	}
}
