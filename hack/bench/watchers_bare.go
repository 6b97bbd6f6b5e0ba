//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/modelfn/modelfn/hack/bench/program"
)

// watchBare starts a bare handler, and plain clients that wait for it. What is put
// there has as many bytes as the answers that the replicas get.
func watchBare(ctx context.Context, s *session, replicas *watching) (*watching, error) {
	path, err := program.Build(ctx, s.root, s.dir, "./hack/bench/target/watch")
	if err != nil {
		return nil, err
	}
	body, _, err := receive(ctx, http.DefaultClient, "http://"+replicas.process.Addr+"/params/model-a", "")
	if err != nil {
		return nil, err
	}
	p, err := program.Start(ctx, path)
	if err != nil {
		return nil, err
	}
	w := &watching{process: p, count: replicas.count, arrived: make(chan int64, replicas.count)}
	w.put = func(int64) error {
		q, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+p.Addr, bytes.NewReader(body))
		if err != nil {
			return err
		}
		_, _, err = exchange(http.DefaultClient, q)
		return err
	}
	for start := time.Now(); ; time.Sleep(time.Millisecond) { // until it listens
		if err = w.put(0); err == nil || time.Since(start) > time.Minute || ctx.Err() != nil {
			break
		}
	}
	if err == nil {
		for range w.count {
			w.running.Go(func() { w.wait(ctx) })
		}
		err = w.all(ctx, 1)
	}
	if err != nil {
		p.Stop()
	}
	return w, err
}

// wait is one plain client.
func (w *watching) wait(ctx context.Context) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for tag := ""; ctx.Err() == nil; {
		_, now, err := receive(ctx, client, "http://"+w.process.Addr, tag)
		if err != nil {
			return // all of them are waited for
		}
		tag = now
		version, _ := strconv.ParseInt(tag, 10, 64) // 0 is no version that is waited for
		w.arrived <- version
	}
}

// receive gets a body that has another tag.
func receive(ctx context.Context, client *http.Client, url, tag string) (body []byte, now string, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	if tag != "" {
		q.Header.Set("If-None-Match", tag)
	}
	return exchange(client, q)
}

func exchange(client *http.Client, q *http.Request) (body []byte, tag string, err error) {
	resp, err := client.Do(q)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", q.URL, resp.Status)
	}
	return body, resp.Header.Get("ETag"), err
}

// compareMemory adds what two processes hold of the machine's memory.
func compareMemory(f *facts, of, baseline *program.Process) error {
	now, most, err := of.Memory()
	bareNow, bareMost, bareErr := baseline.Memory()
	if err = errors.Join(err, bareErr); err != nil {
		return err
	}
	for _, x := range []struct {
		name     string
		of, bare int64
	}{{"memory", now, bareNow}, {"memory, peak", most, bareMost}} {
		f.Figures = append(f.Figures, fact{
			Name: x.name, Unit: "MB", Value: float64(x.of) / 1e6, Baseline: float64(x.bare) / 1e6, Ratio: float64(x.of) / float64(x.bare),
		})
	}
	return nil
}

// middleOf returns the median of durations.
func middleOf(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
