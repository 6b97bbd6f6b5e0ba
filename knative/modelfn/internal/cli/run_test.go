package cli

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The newcomer's first minutes: one command, and three models answer, whatever the
// shell's environment says.
func TestRunAndPredict(t *testing.T) {
	t.Parallel()
	folder, err := bin()
	require.NoError(t, err)
	data := filepath.Join(t.TempDir(), "data")
	for _, start := range []string{"first", "second"} {
		cmd := exec.Command(filepath.Join(folder, "modelfn"), "run", "--listen", "127.0.0.1:0", "--data", data, "-o", "json")
		cmd.Env = append(os.Environ(), "COMPONENT_D_URL=http://127.0.0.1:1", "TOKENS=nobody", "PARAMS_VERSION=99")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		line, err := bufio.NewReader(out).ReadBytes('\n')
		require.NoError(t, err)
		var s serving
		require.NoError(t, json.Unmarshal(line, &s))
		assert.Equal(t, []string{"model-a", "model-b", "model-c"}, s.Models)

		var last float64
		for _, model := range s.Models {
			r := call(t, "", "predict", model, exampleInput, "--url", s.URL, "-o", "json")
			require.Zero(t, r.code, r.stderr)
			var p struct {
				Outputs []float64 `json:"outputs"`
			}
			require.NoError(t, json.Unmarshal([]byte(r.stdout), &p))
			assert.Greater(t, p.Outputs[0], last, "%s: the quantiles ascend", model)
			last = p.Outputs[0]
		}
		changed := call(t, "", strings.Fields(printedLine(t, s, "modelfn "))[1:]...)
		assert.Zero(t, changed.code, changed.stderr)
		assert.Regexp(t, `^model-b version [23] .* is current\n$`, changed.stdout, "the line that it prints works")
		_, err = exec.LookPath("curl")
		if err == nil {
			out, err := exec.Command("sh", "-c", printedLine(t, s, "curl ")).Output()
			require.NoError(t, err, "the line that it prints works")
			assert.Contains(t, string(out), `{"output":`)
		}

		require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
		require.NoError(t, cmd.Wait(), "the exit code is 0")
		assert.Equal(t, start == "first", strings.Contains(stderr.String(), "First start: training the models on the sample data"))
	}
}

// A function of one's own runs by its file alone: with its program, and with the
// params that the file names.
func TestRunOwnModel(t *testing.T) {
	t.Parallel()
	folder, err := bin()
	require.NoError(t, err)
	copied := t.TempDir() // of the repository, as far as it is needed
	own := filepath.Join(copied, "samples", "own-model")
	require.NoError(t, os.CopyFS(own, os.DirFS("../../../../samples/own-model")))
	require.NoError(t, os.Symlink(folder, filepath.Join(copied, "bin")))

	cmd := exec.Command(filepath.Join(folder, "modelfn"), "run", "-f", own, "--listen", "127.0.0.1:0", "--data", filepath.Join(copied, "data"))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url, found := strings.CutPrefix(strings.TrimSpace(line), "Serving own-model on ")
	require.True(t, found, line)

	r := call(t, "", "predict", "own-model", "30", "--url", url)
	assert.Zero(t, r.code, r.stderr)
	assert.Contains(t, r.stdout, "30     188.2\n\nown-model, params version 1 ")
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.NoError(t, cmd.Wait())
}

// printedLine is the command with a beginning in what run prints.
func printedLine(t *testing.T, s serving, begins string) string {
	t.Helper()
	var text bytes.Buffer
	a := &app{stdout: &text, format: "text"}
	require.NoError(t, a.printServing(s))
	for line := range strings.Lines(text.String()) {
		if strings.HasPrefix(strings.TrimSpace(line), begins) {
			return line
		}
	}
	require.Fail(t, "no such line", text.String())
	return ""
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	folder, err := bin()
	require.NoError(t, err)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { busy.Close() })
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	spec := func(text string) string {
		path := filepath.Join(t.TempDir(), "function.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	other, err := filepath.Abs("../../../../samples/own-model/own-model.json")
	require.NoError(t, err)
	tests := map[string]struct {
		args []string
		want string
	}{
		"bad file":    {[]string{"-f", spec("name: model-a\nscale: 3\n")}, "function.yaml:2: scale: not an object"},
		"no params":   {[]string{"-f", spec("name: model-x\nprogram: own-model\n")}, "the registry does not know model-x, and there is no bundle to give it"},
		"no bundle":   {[]string{"-f", spec("name: own-model\nparams: {bundle: none.json}\n")}, "the params of own-model to begin with: open "},
		"other model": {[]string{"-f", spec("name: model-a\nparams: {bundle: " + other + "}\n")}, "the params of model-a to begin with: " + other},
		"port in use": {[]string{"--listen", busy.Addr().String()}, "address already in use"},
		"no tokens":   {[]string{"--tokens", filepath.Join(folder, "none")}, "reading tokens: open " + filepath.Join(folder, "none") + ": no such file or directory\n"},
		"no folder":   {[]string{"--data", file}, "the data folder cannot be made"},
		"no programs": {[]string{"--bin", t.TempDir()}, "registry: no such file or directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"run", "--listen", "127.0.0.1:0", "--bin", folder, "--data", filepath.Join(t.TempDir(), "data")}, tt.args...)
			r := call(t, "", args...)
			assert.Equal(t, exitFailed, r.code)
			assert.Contains(t, r.stderr, tt.want)
			assert.Empty(t, r.stdout)
		})
	}
}

// The second Ctrl-C does not wait for programs that do not listen to the first.
func TestRunIsHurried(t *testing.T) {
	t.Parallel()
	folder, err := bin()
	require.NoError(t, err)
	programs, data := t.TempDir(), filepath.Join(t.TempDir(), "data")
	deaf := "#!/bin/sh\ntrap '' TERM\ntouch " + data + "/$K_SERVICE\nwhile :; do sleep 1; done\n"
	for _, name := range append(sampleModels(), "registry") {
		require.NoError(t, os.WriteFile(filepath.Join(programs, name), []byte(deaf), 0o755))
	}
	cmd := exec.Command(filepath.Join(folder, "modelfn"), "run", "--listen", "127.0.0.1:0", "--data", data, "--bin", programs)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	started := func() bool { _, err := os.Stat(filepath.Join(data, "registry")); return err == nil }
	require.Eventually(t, started, time.Minute, time.Millisecond)
	lines := bufio.NewScanner(stderr)
	for range 2 {
		require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
		for lines.Scan() && lines.Text() != "interrupt: ending" {
		}
		require.Equal(t, "interrupt: ending", lines.Text())
	}
	require.NoError(t, cmd.Wait(), "the exit code is 0")
}

// A run whose context ends, ends well, however far it has come.
func TestRunEndsWithContext(t *testing.T) {
	t.Parallel()
	folder, err := bin()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	code := Run(ctx, []string{"run", "--listen", "127.0.0.1:0", "--bin", folder, "--data", filepath.Join(t.TempDir(), "data")},
		nil, &stdout, &stderr)
	assert.Zero(t, code, stderr.String())
	assert.Empty(t, stdout.String())
}
