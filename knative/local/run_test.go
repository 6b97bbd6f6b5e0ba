package local_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
		Programs: programs(t, models...), Functions: named(models...), StartTimeout: patience,
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
		assert.True(t, i.Ready, i.Name)
		assert.Zero(t, i.Restarts, i.Name)
		assert.False(t, gone(i.PID), i.Name)
	}
	status, _ = get(t, r.URL()+"/health/ready")
	assert.Equal(t, 200, status)

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

// What the functions' files say decides what runs, from where and how.
func TestFunctions(t *testing.T) {
	t.Parallel()
	folder := programs(t, "model-y")
	spec, err := function.Parse(filepath.Join(folder, "function.yaml"), []byte(`
name: model-x
program: ./model-y
components: {model-p: process, model-n: network}
env: {EXTRA: of its file, PARAMS_FALLBACK: none}
params: {version: 3, digest: "sha256:` + strings.Repeat("01", 32) + `"}
timeoutSeconds: 1.5
`))
	require.NoError(t, err)
	cfg := config(t, "model-n", "model-p", "model-z")
	cfg.Functions = append(cfg.Functions, spec)
	cfg.Env = []string{"EXTRA=of the run"}
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
	assert.Equal(t, "of its file|none|3|sha256:"+strings.Repeat("01", 32)+"|1.5s|"+urls["model-n"], environment("model-x"))
	assert.Equal(t, "of the run||||1m0s|", environment("model-z"))
	assert.Equal(t, "of the run||||1m0s|", environment("model-n"))
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
	assert.Regexp(t, `^model-a ended \(signal: killed\); it is started again in 100ms; its log, .*/logs/model-a.log, ends with\n    listening\n`+
		`model-a is ready again \(process \d+\)\n$`, r.screen.String())
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

// A run that ends under load answers what it has taken.
func TestEndUnderLoad(t *testing.T) {
	t.Parallel()
	r := start(t, config(t, "model-a"))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	var answered atomic.Int64
	var load sync.WaitGroup
	for range 16 {
		load.Go(func() {
			for {
				resp, err := client.Post(r.URL()+"/model-a/predict", "application/json", strings.NewReader("hello"))
				if err != nil {
					return // nobody takes connections any more
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(got) != "hello" {
					t.Errorf("status %d, %q: %v", resp.StatusCode, got, err)
				}
				answered.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return answered.Load() > 500 }, patience, time.Millisecond)
	require.NoError(t, r.end())
	load.Wait()
}

func TestWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { busy.Close() })
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	tests := map[string]struct {
		change func(*local.Config)
		want   string
	}{
		"no models":       {func(c *local.Config) { c.Functions = nil }, "no models to run"},
		"port in use":     {func(c *local.Config) { c.Listen = busy.Addr().String() }, "the gateway cannot listen: .*address already in use"},
		"no address":      {func(c *local.Config) { c.Listen = "nonsense" }, "the gateway cannot listen"},
		"no folder":       {func(c *local.Config) { c.Folder = filepath.Join(file, "data") }, "the data folder cannot be made: .*not a directory"},
		"open to others":  {func(c *local.Config) { c.Listen = "0.0.0.0:0" }, "without tokens everybody who reaches 0.0.0.0:0 could write params"},
		"no registry":     {func(c *local.Config) { c.Registry = true }, "the program .*/registry: no such file"},
		"no component":    {func(c *local.Config) { c.Network = []string{"part"} }, "the program .*/part: no such file"},
		"missing program": {func(c *local.Config) { c.Functions = append(c.Functions, named("model-x")...) }, "the program .*/model-x: no such file"},
		"not a program": {func(c *local.Config) {
			require.NoError(t, os.WriteFile(filepath.Join(c.Programs, "model-y"), nil, 0o600))
			c.Functions = append(c.Functions, named("model-y")...)
		}, "the program .*/model-y: permission denied"},
		"bad dataset": {func(c *local.Config) { c.Console.Datasets = map[string][]byte{"d": nil} }, "dataset d: no header line"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, "model-a")
			tt.change(&cfg)
			_, err := local.Open(cfg)
			require.Error(t, err)
			require.Regexp(t, tt.want, err.Error())
			if name != "bad dataset" {
				require.NoDirExists(t, cfg.Folder)
			}
		})
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	cfg := config(t, "model-a")
	require.NoError(t, os.MkdirAll(cfg.Folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(cfg.Folder, "logs"), nil, 0o600))
	_, err := local.Open(cfg)
	require.ErrorContains(t, err, "the data folder cannot be written")
}

func TestOneRunPerFolder(t *testing.T) {
	t.Parallel()
	cfg := config(t, "model-a")
	first, err := local.Open(cfg)
	require.NoError(t, err)
	_, err = local.Open(cfg)
	require.ErrorContains(t, err, "is in use by another run")
	first.Close()
	first.Close()
	second, err := local.Open(cfg)
	require.NoError(t, err, "what Open took is given back")
	second.Close()
}

func TestProgramThatDoesNotStart(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"exits":       `exits did not start: exit status 3; its log, .*exits.log, ends with\n    the params cannot be read$`,
		"never-ready": "never-ready did not start: not ready within 300ms",
	}
	for program, want := range tests {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, "model-a", program)
			if program == "never-ready" { // alone: nothing else is to be late
				cfg = config(t, program)
				cfg.StartTimeout = 300 * time.Millisecond
			}
			run, err := local.Open(cfg)
			require.NoError(t, err)
			defer run.Close()
			err = run.Serve(context.Background(), nil)
			require.Error(t, err)
			require.Regexp(t, want, err.Error())
			require.Equal(t, make([]int, len(cfg.Functions)), pids(run), "no program is left")
		})
	}
}

// A program that does not listen to SIGTERM is killed, after a while or at once.
func TestStubbornProgram(t *testing.T) {
	t.Parallel()
	for _, hurry := range []bool{false, true} {
		t.Run(fmt.Sprint("hurry ", hurry), func(t *testing.T) {
			t.Parallel()
			cfg := config(t, "stubborn")
			cfg.Grace = 10 * time.Millisecond
			if hurry {
				cfg.Grace = 10 * time.Minute
			}
			r := start(t, cfg)
			left := pids(r.Run)
			if hurry {
				r.hurry()
			}
			require.NoError(t, r.end())
			require.True(t, gone(left[0]))
		})
	}
}

// supervisor starts a run in a process of its own and waits until it serves.
func supervisor(t *testing.T, models ...string) (cmd *exec.Cmd, url string, pids []int) {
	t.Helper()
	cmd = exec.Command(filepath.Join(programs(t, append(models, "supervisor")...), "supervisor"))
	cmd.Env = append(os.Environ(), "FOLDER="+filepath.Join(t.TempDir(), "data"), "MODELS="+strings.Join(models, ","))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	fields := strings.Fields(line)
	for _, field := range fields[1:] {
		pid, err := strconv.Atoi(field)
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	require.Len(t, pids, len(models))
	return cmd, fields[0], pids
}

func TestSignalsEndTheRun(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			cmd, url, pids := supervisor(t, "model-a", "model-b")
			require.Eventually(t, func() bool {
				resp, err := http.Post(url+"/model-a/predict", "application/json", strings.NewReader("x"))
				if err != nil {
					return false
				}
				resp.Body.Close()
				return resp.StatusCode == http.StatusOK
			}, patience, time.Millisecond)
			require.NoError(t, cmd.Process.Signal(signal))
			require.NoError(t, cmd.Wait(), "the exit code is 0")
			for _, pid := range pids {
				assert.True(t, gone(pid), "process %d is left", pid)
			}
		})
	}
}
