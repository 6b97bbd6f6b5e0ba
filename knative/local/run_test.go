package local_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/function"
	"github.com/modelfn/modelfn/knative/local"
)

func TestServe(t *testing.T) {
	t.Parallel()
	cfg := config(t, "model-a", "model-b")
	cfg.Env = []string{"EXTRA=more", "PORT=1", "PARAMS_PATH=elsewhere"}
	r := start(t, cfg)

	status, body := post(t, r.URL()+"/model_a/predict", "hello")
	assert.Equal(t, 200, status)
	assert.Equal(t, "hello", body)
	_, body = post(t, r.URL()+"/model-b/evaluate", "{}")
	assert.Equal(t, r.Bundles()+"|model-b|127.0.0.1|more", body, "the run's settings go before the environment's")
	for _, i := range r.Instances() {
		assert.Zero(t, i.Restarts, i.Name)
		assert.False(t, gone(i.PID), i.Name)
	}
	ready := func() bool {
		status, _ := get(t, r.URL()+"/health/ready")
		return status == 200 && !slices.ContainsFunc(r.Instances(), func(i local.Instance) bool { return !i.Ready })
	}
	require.Eventually(t, ready, patience, poll)

	request, err := http.NewRequest(http.MethodPost, r.URL()+"/model-a/predict", nil)
	require.NoError(t, err)
	request.Host = "evil.example"
	resp, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, 403, resp.StatusCode, "the rules of a loopback listener hold")

	left := pids(r.Run)
	require.NoError(t, r.end())
	for _, pid := range left {
		assert.True(t, gone(pid), "process %d is left", pid)
	}
	log, err := os.ReadFile(filepath.Join(cfg.Folder, "logs", "model-a.log"))
	require.NoError(t, err)
	assert.Equal(t, "listening\n", string(log))
}

// What the functions' files say decides what runs, from where and how, whatever the
// environment of the run says.
func TestFunctions(t *testing.T) {
	t.Parallel()
	folder := programs(t, "model-y")
	spec, err := function.Parse(filepath.Join(folder, "function.yaml"), []byte(`
name: model-x
program: ./model-y
components: {model-p: process, model-n: network}
env: {EXTRA: of its file, PARAMS_FALLBACK: none}
params: {version: 3, digest: "sha256:`+strings.Repeat("01", 32)+`"}
timeoutSeconds: 1.5
`))
	require.NoError(t, err)
	cfg := config(t, "model-n", "model-p", "model-z")
	cfg.Functions = append(cfg.Functions, spec)
	cfg.Env = []string{
		"EXTRA=of the run", "PARAMS_FALLBACK=none", "PARAMS_VERSION=4", "PARAMS_DIGEST=sha256:02", "REQUEST_TIMEOUT=1ms", "TOKENS=a",
		"MODEL_P_URL=http://127.0.0.1:1", "MODEL_N_URL=http://127.0.0.1:1",
	}
	r := start(t, cfg)

	require.Equal(t, []string{"model-z", "model-x"}, r.Models())
	urls := map[string]string{}
	for _, i := range r.Instances() {
		urls[i.Name] = i.URL
	}
	require.Len(t, urls, 3, "a component that nobody calls does not run")
	environment := func(name string) string {
		_, body := get(t, urls[name]+"/environment")
		return body
	}
	assert.Equal(t, "of its file|none|3|sha256:"+strings.Repeat("01", 32)+"|1.5s|||"+urls["model-n"], environment("model-x"))
	assert.Equal(t, "of the run||||1m0s|||", environment("model-z"))
	assert.Equal(t, "of the run||||1m0s|||", environment("model-n"))
}

func TestProgramIsStartedAgain(t *testing.T) {
	t.Parallel()
	r := start(t, config(t, "model-a"))
	before := r.Instances()[0]
	require.NoError(t, syscall.Kill(before.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		now := r.Instances()[0]
		return now.Ready && now.PID != before.PID
	}, patience, time.Millisecond)
	after := r.Instances()[0]
	assert.Equal(t, 1, after.Restarts)
	assert.Equal(t, before.URL, after.URL, "it keeps its port")
	status, _ := post(t, r.URL()+"/model-a/predict", "x")
	assert.Equal(t, 200, status)
	require.Eventually(t, func() bool { return strings.Contains(r.screen.String(), "ready again") }, patience, time.Millisecond)
	// Where the machine is slow a probe may find it not ready, too, which is told as well.
	assert.Regexp(t, `(?s)model-a ended \(signal: killed\); it is started again in 100ms; its log, .*/logs/model-a.log, ends with\n    listening\n`+
		`.*model-a is ready again \(process \d+\)\n`, r.screen.String())
}

// Under load, a program that is stopped by SIGTERM or killed, and started again,
// costs no request.
func TestNoRequestIsLost(t *testing.T) {
	t.Parallel()
	cfg := config(t, "model-a")
	cfg.Console.Patience = patience // however slow the machine starts programs
	r := start(t, cfg)
	text := func(i, j int) (body, want string) { return fmt.Sprintf("%d/%d", i, j), fmt.Sprintf("%d/%d", i, j) }
	underLoad(t, r, text, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGTERM)
}

// underLoad sends each signal to the first instance while requests go to its model
// over 16 connections, and sees that every one gets the answer that it should.
func underLoad(t *testing.T, r *running, request func(i, j int) (body, want string), signals ...syscall.Signal) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var stop atomic.Bool
	var answered atomic.Int64
	var load sync.WaitGroup
	for i := range 16 {
		load.Go(func() {
			for j := 0; !stop.Load(); j++ {
				body, want := request(i, j)
				resp, err := client.Post(r.URL()+"/model-a/predict", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(got) != want {
					t.Errorf("status %d, %q instead of %q: %v", resp.StatusCode, got, want, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	more := func() {
		target := answered.Load() + 500
		require.Eventually(t, func() bool { return answered.Load() > target || t.Failed() }, patience, time.Millisecond)
	}
	for i, signal := range signals {
		more()
		require.NoError(t, syscall.Kill(r.Instances()[0].PID, signal))
		require.Eventually(t, func() bool {
			now := r.Instances()[0]
			return now.Ready && now.Restarts == i+1 || t.Failed()
		}, patience, time.Millisecond)
	}
	more()
	stop.Store(true)
	load.Wait()
}
