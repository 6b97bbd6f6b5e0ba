package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
)

// follower is a replica of [frameworktest.Scale] on a registry, and a client that
// asks it all the time until the end of the test.
type follower struct {
	t   testing.TB
	url string

	mu       sync.Mutex       // guards what follows
	outputs  map[int64]string // by the version that answered
	answered int
	newest   int64 // the version of the last answer
}

// follow starts a follower, and returns when it has answered.
func follow(t testing.TB, registry string) *follower {
	t.Helper()
	replica, err := framework.NewReplica(frameworktest.Scale, framework.Settings{ParamsURL: registry}, io.Discard)
	require.NoError(t, err)
	server := httptest.NewServer(replica.Handler(false))
	f := &follower{t: t, url: server.URL, outputs: map[int64]string{}}
	ctx, end := context.WithCancel(context.Background())
	asks, stop := context.WithCancel(ctx)
	var running, asking sync.WaitGroup
	running.Go(func() { replica.Run(ctx) })
	require.Eventually(t, func() bool {
		resp, err := http.Get(f.url + "/health/ready")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	}, time.Minute, time.Millisecond)
	asking.Go(func() {
		for asks.Err() == nil && assert.NoError(t, f.ask()) {
			time.Sleep(time.Millisecond) // others work, too
		}
	})
	t.Cleanup(func() {
		stop()
		asking.Wait()
		server.Close()
		end()
		running.Wait()
	})
	return f
}

// ask asks once. Every answer of a version has to be the same.
func (f *follower) ask() error {
	resp, err := http.Post(f.url+"/predict", "application/json", strings.NewReader(`{"input":[1,0]}`))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(resp.Header.Get(serve.VersionHeader), 10, 64)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, version %q: %s", resp.Status, resp.Header.Get(serve.VersionHeader), text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if before, ok := f.outputs[version]; ok && before != string(text) {
		return fmt.Errorf("version %d: first %s, then %s", version, before, text)
	}
	f.outputs[version], f.newest = string(text), version
	f.answered++
	return nil
}

// agrees waits until the newest version of a history answers, and asserts that every
// answer was that of its version.
func (f *follower) agrees(history []params.Document) {
	f.t.Helper()
	last := history[len(history)-1].Version
	require.Eventually(f.t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.newest == last || f.t.Failed()
	}, time.Minute, time.Millisecond, "version %d answers", last)
	f.mu.Lock()
	defer f.mu.Unlock()
	for version, output := range f.outputs {
		factor := strings.TrimSuffix(strings.TrimPrefix(string(history[version-1].Params), `{"factor":`), "}")
		require.Equal(f.t, `{"output":[`+factor+`,0]}`, output, "version %d", version)
	}
	f.t.Logf("a replica gave %d answers of %d versions", f.answered, len(f.outputs))
}
