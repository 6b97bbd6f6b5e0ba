package frameworktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// program is a program that was built for the test.
type program struct {
	*subject
	path string
}

// build builds the case's program; with the race detector if the test has it.
func (s *subject) build(t *testing.T) *program {
	t.Helper()
	folder := s.Program
	if folder == "" {
		folder = "."
	}
	p := &program{s, filepath.Join(t.TempDir(), s.name)}
	args := append([]string{"build", "-o", p.path}, raceFlags...)
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = folder
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, string(text))
	return p
}

// process is a program that runs.
type process struct {
	t          testing.TB
	cmd        *exec.Cmd
	url, admin string // once it listens
	bundle     string // the path of its params
	out, log   *lines
	ended      chan struct{}
}

// launch starts the program. env are settings beside those that keep it on
// loopback and make it quick.
func (p *program) launch(t testing.TB, env ...string) *process {
	t.Helper()
	run := &process{
		t: t, bundle: filepath.Join(t.TempDir(), "bundle.json"),
		out: &lines{}, log: &lines{}, ended: make(chan struct{}),
	}
	run.cmd = exec.Command(p.path)
	run.cmd.Env = append([]string{
		"HOST=127.0.0.1", "PORT=0", "ADMIN_PORT=0", "K_REVISION=" + revision,
		"PARAMS_PATH=" + run.bundle, "PARAMS_POLL=10ms",
	}, env...)
	run.cmd.Stdout, run.cmd.Stderr = run.out, run.log
	return run
}

// begin starts a process that was made by launch.
func (r *process) begin(args ...string) *process {
	r.t.Helper()
	r.cmd.Args = append(r.cmd.Args, args...)
	require.NoError(r.t, r.cmd.Start())
	go func() {
		defer close(r.ended)
		_ = r.cmd.Wait() // the exit code is looked at
	}()
	r.t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // it has ended, unless the test failed
		<-r.ended
	})
	return r
}

// start runs the program on the case's params until it is ready.
func (p *program) start(t testing.TB, env ...string) *process {
	t.Helper()
	r := p.launch(t, env...)
	WriteBundle(t, r.bundle, p.Bundle)
	r.begin().listening()
	c := r.client()
	waitFor(t, "the program is ready", func() bool { return c.get("/health/ready").status == 200 })
	return r
}

// listening waits until the program listens, and learns where.
func (r *process) listening() {
	r.t.Helper()
	var line struct {
		Traffic string `json:"traffic"`
		Admin   string `json:"admin"`
	}
	waitFor(r.t, "the program listens", func() bool {
		require.True(r.t, r.runs(), "the program has ended: %s", r.log.find())
		found := r.log.find(`"msg":"listening"`)
		if len(found) == 0 {
			return false
		}
		require.NoError(r.t, json.Unmarshal([]byte(found[0]), &line))
		return true
	})
	local := strings.NewReplacer("[::]", "127.0.0.1")
	r.url, r.admin = "http://"+local.Replace(line.Traffic), "http://"+local.Replace(line.Admin)
}

func (r *process) client() *client { return &client{r.t, r.url} }

func (r *process) runs() bool {
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

func (r *process) signal(s os.Signal) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(s))
}

// exit waits for the end of the process, and returns its exit code, or −1 for one
// that a signal ended.
func (r *process) exit() int {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(time.Minute):
		require.FailNow(r.t, "the program did not end", "%s", r.log.find())
	}
	return r.cmd.ProcessState.ExitCode()
}

// stop ends the process as a platform does, and checks that it ends well.
func (r *process) stop() {
	r.t.Helper()
	r.signal(syscall.SIGTERM)
	require.Zero(r.t, r.exit(), "%s", r.log.find())
}

// put gives the process other params, and returns once they serve.
func (r *process) put(name string, b *params.Bundle) {
	r.t.Helper()
	WriteBundle(r.t, r.bundle, b)
	set, err := b.Set(name)
	require.NoError(r.t, err)
	r.serves(set.Digest)
}

func (r *process) serves(digest string) {
	r.t.Helper()
	c := r.client()
	waitFor(r.t, "the new params serve", func() bool { return c.get("/params").digest() == digest })
}
