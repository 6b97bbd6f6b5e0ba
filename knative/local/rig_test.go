package local_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/function"
	"github.com/modelfn/modelfn/knative/local"
)

const patience = time.Minute

// programs returns a folder with programs of these names.
func programs(t *testing.T, names ...string) string {
	t.Helper()
	folder := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range names {
		require.NoError(t, os.Symlink(self, filepath.Join(folder, name)))
	}
	return folder
}

// named returns the specs of functions of which nothing but the name is told.
func named(names ...string) (specs []function.Spec) {
	for _, name := range names {
		specs = append(specs, function.Named(name))
	}
	return specs
}

// config returns the configuration of a run of models in a folder of its own.
func config(t *testing.T, models ...string) local.Config {
	t.Helper()
	return local.Config{
		Listen: "127.0.0.1:0", Folder: filepath.Join(t.TempDir(), "data"),
		Programs: programs(t, models...), Functions: named(models...), StartTimeout: patience, Grace: patience,
	}
}

// screen is a terminal that a test looks at.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// running is a run that serves.
type running struct {
	*local.Run
	screen *screen
	end    func() error // ends it as Ctrl-C does
	hurry  func()       // the second Ctrl-C
}

// start serves a run until the test ends.
func start(t *testing.T, cfg local.Config) *running {
	t.Helper()
	return startOpened(t, cfg, func(*running) {})
}

// startOpened is start for a test that wants to see the run before it serves.
func startOpened(t *testing.T, cfg local.Config, opened func(*running)) *running {
	t.Helper()
	r := &running{screen: &screen{}}
	ready, hurry, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	cfg.Notices, cfg.Ready = r.screen, func() { close(ready) }
	run, err := local.Open(cfg)
	require.NoError(t, err)
	r.Run = run
	opened(r)
	ctx, cancel := context.WithCancel(context.Background())
	r.end = sync.OnceValue(func() error { cancel(); return <-ended })
	r.hurry = sync.OnceFunc(func() { close(hurry) })
	go func() { ended <- run.Serve(ctx, hurry) }()
	t.Cleanup(func() { assert.NoError(t, r.end()); run.Close() })
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("the run does not become ready: ", r.screen)
	}
	return r
}

func post(t testing.TB, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	return read(t, resp)
}

func get(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	return read(t, resp)
}

func read(t testing.TB, resp *http.Response) (int, string) {
	t.Helper()
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(got)
}

// gone reports whether a process has ended, whoever waits for it.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == syscall.ESRCH
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "Z")
}

func pids(r *local.Run) (list []int) {
	for _, i := range r.Instances() {
		list = append(list, i.PID)
	}
	return list
}
