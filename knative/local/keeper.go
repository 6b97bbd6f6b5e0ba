package local

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/modelfn/modelfn/knative/child"
)

// keeper keeps one instance running.
type keeper struct {
	name    string
	program string // path
	env     []string
	url     string
	port    *port
	log     *logFile
	list    *list
	yields  bool
	starter *starter
	notices *notices
	hurry   <-chan struct{}

	startTimeout, grace time.Duration

	ready chan struct{} // closed when the instance was ready for the first time
}

func (k *keeper) close() {
	k.log.Close()
	k.port.release()
}

// keep runs the program again and again until ctx ends. It fails if the program
// was not ready once; from then on it only says what went wrong.
func (k *keeper) keep(ctx context.Context) error {
	var wait backoff
	for {
		started := time.Now()
		err := k.run(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it ended because it was told to
		}
		if !k.wasReady() {
			return fmt.Errorf("%s did not start: %w%s", k.name, err, k.lastLines())
		}
		pause := wait.next(time.Since(started))
		k.notices.tell("%s ended (%v); it is started again in %v%s", k.name, err, pause, k.lastLines())
		k.list.update(k.name, func(i *Instance) { i.Restarts++ })
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// run runs the program once, to its end, and returns why it ended.
func (k *keeper) run(ctx context.Context) error {
	p, err := k.starter.start(k.program, k.env, k.log)
	if err != nil {
		return err
	}
	if k.yields {
		child.Yield(p.cmd)
	}
	k.list.update(k.name, func(i *Instance) { i.PID = p.pid() })
	probing, stop := context.WithCancel(ctx)
	var probe sync.WaitGroup
	up := make(chan struct{})
	probe.Go(func() { k.probe(probing, p.pid(), sync.OnceFunc(func() { close(up) })) })
	defer k.list.update(k.name, func(i *Instance) { i.PID, i.Ready = 0, false })
	defer probe.Wait()
	defer stop()

	late := time.After(k.startTimeout)
	for {
		select {
		case <-p.done:
			return p.err
		case <-ctx.Done():
			p.end(k.grace, k.hurry)
			return p.err
		case <-up:
			up, late = nil, nil
		case <-late:
			p.end(k.grace, k.hurry)
			return fmt.Errorf("not ready within %v", k.startTimeout)
		}
	}
}

func (k *keeper) wasReady() bool {
	select {
	case <-k.ready:
		return true
	default:
		return false
	}
}

// lastLines is the end of the instance's log, to stand behind a message.
func (k *keeper) lastLines() string {
	const lines = 5
	tail := k.log.tail(lines)
	if tail == nil {
		return ""
	}
	return fmt.Sprintf("; its log, %s, ends with\n    %s", k.log.path, strings.Join(tail, "\n    "))
}

// The pauses between two probes: short while an instance starts, and longer the
// longer that takes.
const (
	firstProbe  = 5 * time.Millisecond
	slowProbe   = 250 * time.Millisecond
	readyProbe  = time.Second
	probeAnswer = time.Second // to be not ready is not to answer for so long
)

// probe asks the instance whether it is ready, until ctx ends. It calls up when it
// is.
func (k *keeper) probe(ctx context.Context, pid int, up func()) {
	client := http.Client{Timeout: probeAnswer, Transport: &http.Transport{DisableKeepAlives: true}}
	pause, was := firstProbe, false
	for {
		is := k.answers(ctx, &client)
		if is != was && ctx.Err() == nil {
			k.list.update(k.name, func(i *Instance) { i.Ready = is })
			k.changed(is, pid)
		}
		switch {
		case is:
			up()
			pause = readyProbe
		case was:
			pause = firstProbe
		default:
			pause = min(2*pause, slowProbe)
		}
		was = is
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// changed tells of an instance that became ready or stopped being so.
func (k *keeper) changed(ready bool, pid int) {
	switch {
	case !ready:
		k.notices.tell("%s is not ready (process %d)", k.name, pid)
	case k.wasReady():
		k.notices.tell("%s is ready again (process %d)", k.name, pid)
	default:
		close(k.ready)
	}
}

// answers asks once.
func (k *keeper) answers(ctx context.Context, client *http.Client) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url+"/health/ready", nil)
	if err != nil {
		panic(err) // the run wrote the URL
	}
	resp, err := client.Do(r)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// backoff is how long to wait before a program is started again. The zero value
// is for a program that has not ended yet.
type backoff struct{ pause time.Duration }

const (
	firstPause = 100 * time.Millisecond
	mostPause  = 10 * time.Second
	ranWell    = 10 * time.Second
)

// next returns the pause after a program that ran for so long.
func (b *backoff) next(ran time.Duration) time.Duration {
	if ran >= ranWell {
		b.pause = 0
	}
	b.pause = min(max(2*b.pause, firstPause), mostPause)
	return b.pause
}
