package frameworktest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// load is clients that ask for the examples, all at once, until they are stopped.
// Every answer has to be the output of exactly the params that it names.
type load struct {
	t       testing.TB
	subject *subject
	url     string
	stop    context.CancelFunc
	running sync.WaitGroup

	answered atomic.Int64
	mu       sync.Mutex     // guards what follows
	digests  map[string]int // answers, by the params that they name
	err      error          // the first
}

func (s *subject) load(t testing.TB, url string, clients int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, subject: s, url: url, stop: cancel, digests: map[string]int{}}
	t.Cleanup(cancel)
	for i := range clients {
		l.running.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				if err := l.ask(ctx, n%len(s.Examples)); err != nil && ctx.Err() == nil {
					l.failed(err)
					return
				}
			}
		})
	}
	return l
}

// ask asks for one example and checks the answer.
func (l *load) ask(ctx context.Context, example int) error {
	body := strings.NewReader(`{"input":` + l.subject.Examples[example].Input + `}`)
	a, err := try(ctx, http.MethodPost, l.url+"/predict", body)
	if err != nil {
		return err
	}
	output, err := a.output()
	if err != nil {
		return err
	}
	outputs, known := l.subject.outputs[a.digest()]
	if !known || outputs[example] != output {
		return fmt.Errorf("example %d: %s is not the output of params %s", example, output, a.digest())
	}
	l.answered.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.digests[a.digest()]++
	return nil
}

func (l *load) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

// more waits for n more answers.
func (l *load) more(n int64) {
	l.t.Helper()
	until := l.answered.Load() + n
	waitFor(l.t, "requests are answered", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.answered.Load() >= until || l.err != nil
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	require.NoError(l.t, l.err)
}

// end stops the clients; none of them may have seen anything wrong.
func (l *load) end() {
	l.t.Helper()
	l.stop()
	l.running.Wait()
	require.NoError(l.t, l.err)
}

// testManyClients: each request has its own values, whatever else is asked.
func testManyClients(t *testing.T, s *subject) {
	l := s.load(t, s.start(t, nil).URL, 16)
	l.more(500)
	l.end()
}

// testSwap: params change under load; no request fails, and each is answered by
// one set of params, which its headers name.
func testSwap(t *testing.T, s *subject) {
	server := s.start(t, nil)
	l := s.load(t, server.URL, 8)
	for range 5 {
		server.Put(t, s.Other)
		l.more(50)
		server.Put(t, s.Bundle)
		l.more(50)
	}
	l.end()
	require.Len(t, l.digests, 2, "both sets of params answered")
}
