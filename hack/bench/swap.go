//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/hack/bench/load"
	"github.com/modelfn/modelfn/knative/registry"
)

const (
	swapReplicas = 10
	swapVersions = 200
	swapBar      = 100 // ms
)

var swapInput = []float64{32.1, 101, 4.8598}

// swap writes version after version while ten replicas are under load through the
// gateway, and looks at what the clients see: when the last answer came that was not
// of the new params. Every output has to be that of the version which it names.
func swap(ctx context.Context, s *session) (_ report, err error) {
	s.progress.say("swap: starting %d replicas", swapReplicas)
	r, err := startReplicas(ctx, s, swapReplicas)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	versions := swapVersions
	if s.quick {
		versions = 5
	}
	clients := startClients(ctx, r.URL()+"/model-a/predict", connections)
	defer clients.end()
	_, first, err := r.changed(0, swapInput)
	if err != nil {
		return nil, err
	}
	written, outputs := []time.Time{}, []float64{first}
	for n := range versions {
		s.progress.say("swap: version %d of %d", n+1, versions)
		p, output, err := r.changed(float64(n+1), swapInput)
		if err != nil {
			return nil, err
		}
		written, outputs = append(written, time.Now()), append(outputs, output)
		if _, err := r.client.Put(ctx, "model-a", registry.Change{Params: p}, registry.Options{}); err != nil {
			return nil, err
		}
	}
	if err := clients.untilAllAre(ctx, fmt.Sprint(versions+1)); err != nil {
		return nil, err
	}
	clients.end()
	lags, err := clients.lags(written, outputs)
	if err != nil {
		return nil, err
	}
	slices.Sort(lags)
	f := &facts{Notes: fmt.Sprintf("%d replicas behind the gateway, %d connections, %d PUTs one after another. The lag is from when a PUT is sent\n"+
		"until the last request is sent that older params answer: of the slowest replica, as clients see it.", swapReplicas, connections, versions)}
	f.add("answers", "", float64(clients.answered.Load()))
	f.atMost(0, "failed or mixed", "", float64(clients.failed.Load()))
	f.add("lag, median", "ms", milliseconds(load.Quantile(lags, 0.5)))
	f.atMost(swapBar, "lag, p99", "ms", milliseconds(load.Quantile(lags, 0.99)))
	return f, nil
}

// clients ask for one prediction again and again, and note which params answered.
type clients struct {
	url      string
	cancel   context.CancelFunc
	running  sync.WaitGroup
	http     http.Client
	answered atomic.Int64
	failed   atomic.Int64

	mu   sync.Mutex                // guards what follows
	last map[string]time.Time      // by version: when the last request was sent that it answered
	got  map[string]map[string]int // by version: how often each answer came
	err  error                     // the first failure
}

func startClients(ctx context.Context, url string, n int) *clients {
	ctx, cancel := context.WithCancel(ctx)
	c := &clients{
		url: url, cancel: cancel, http: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}},
		last: map[string]time.Time{}, got: map[string]map[string]int{},
	}
	for range n {
		c.running.Go(func() {
			for ctx.Err() == nil {
				if err := c.ask(ctx); err != nil && ctx.Err() == nil {
					c.failed.Add(1)
					c.mu.Lock()
					c.err = errors.Join(c.err, err)
					c.mu.Unlock()
					return
				}
			}
		})
	}
	return c
}

func (c *clients) ask(ctx context.Context) error {
	body, err := json.Marshal(map[string]any{"input": swapInput})
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	sent := time.Now()
	resp, err := c.http.Do(q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answer %s: %s", resp.Status, text)
	}
	c.answered.Add(1)
	version := resp.Header.Get(serve.VersionHeader)
	c.mu.Lock()
	defer c.mu.Unlock()
	if sent.After(c.last[version]) {
		c.last[version] = sent
	}
	if c.got[version] == nil {
		c.got[version] = map[string]int{}
	}
	c.got[version][string(text)]++
	return nil
}

// untilAllAre waits until a second has passed in which only one version answered.
func (c *clients) untilAllAre(ctx context.Context, version string) error {
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		c.mu.Lock()
		settled, err := !c.last[version].IsZero(), c.err
		for v, last := range c.last {
			settled = settled && (v == version || time.Since(last) > time.Second)
		}
		c.mu.Unlock()
		if settled || err != nil {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("not every replica came to version %s", version)
}

// lags checks that every answer is that of its version, and returns how long after
// each write an older version answered for the last time; outputs are those of the
// versions from 1 on, written the times at which those from 2 on were.
func (c *clients) lags(written []time.Time, outputs []float64) ([]time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for version, answers := range c.got {
		var n int
		if _, err := fmt.Sscan(version, &n); err != nil || n < 1 || n > len(outputs) {
			return nil, fmt.Errorf("an answer is of version %q", version)
		}
		want, err := json.Marshal(map[string]float64{"output": outputs[n-1]})
		if err != nil {
			return nil, err
		}
		if len(answers) != 1 || answers[string(want)] == 0 {
			return nil, fmt.Errorf("version %d answered %v, not only %s", n, answers, want)
		}
	}
	lags := make([]time.Duration, len(written))
	var last time.Time // of any version before the one that is looked at
	for i, at := range written {
		if t := c.last[fmt.Sprint(i+1)]; t.After(last) {
			last = t
		}
		lags[i] = max(0, last.Sub(at))
	}
	return lags, nil
}

func (c *clients) end() {
	c.cancel()
	c.running.Wait()
	c.http.CloseIdleConnections()
}
