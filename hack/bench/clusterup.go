//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/modelfn/modelfn/hack/bench/load"
)

const (
	clusterUpTimes = 3
	clusterUpBar   = 60 // s
)

// clusterUp measures how long the cluster takes from nothing until it can be used, when all
// of its programs are built. What is on the cluster is lost, and the last one stays.
func clusterUp(ctx context.Context, s *session) (report, error) {
	do := func(name string) (took time.Duration, err error) {
		var said bytes.Buffer
		cmd := exec.CommandContext(ctx, filepath.Join(s.root, "hack", "cluster", name))
		cmd.Stdout, cmd.Stderr = &said, &said
		start := time.Now()
		if err := cmd.Run(); err != nil {
			return 0, fmt.Errorf("hack/cluster/%s: %w: %s", name, err, bytes.TrimSpace(said.Bytes()))
		}
		return time.Since(start), nil
	}
	s.progress.say("cluster-up: building what is not built")
	if _, err := do("up"); err != nil {
		return nil, err
	}
	times := clusterUpTimes
	if s.quick {
		times = 1
	}
	var ups, downs []time.Duration
	for i := range times {
		s.progress.say("cluster-up: %d of %d", i+1, times)
		down, err := do("down")
		if err != nil {
			return nil, err
		}
		up, err := do("up")
		if err != nil {
			return nil, err
		}
		ups, downs = append(ups, up), append(downs, down)
	}
	slices.Sort(ups)
	slices.Sort(downs)
	f := &facts{Notes: fmt.Sprintf("%d times, all of it built before; up means that Knative takes Services and Brokers.", times)}
	f.atMost(clusterUpBar, "up, median", "s", load.Quantile(ups, 0.5).Seconds())
	f.atMost(clusterUpBar, "up, most", "s", ups[len(ups)-1].Seconds())
	f.add("down, median", "s", load.Quantile(downs, 0.5).Seconds())
	return f, nil
}
