package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// result is what a call of the tool gave.
type result struct {
	code           int
	stdout, stderr string
}

func call(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := Run(context.Background(), args, strings.NewReader(stdin), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string // on stderr
	}{
		"unknown command":  {[]string{"fly"}, `unknown command "fly" for "modelfn"`},
		"unknown flag":     {[]string{"run", "--fly"}, "unknown flag: --fly\nSee 'modelfn run --help'.\n"},
		"unknown format":   {[]string{"version", "-o", "xml"}, "it takes text or json"},
		"too many":         {[]string{"train", "now"}, "modelfn train"},
		"no model":         {[]string{"predict"}, "it takes the name of a model"},
		"bad model":        {[]string{"predict", "../a", "[1]"}, `"../a" is not the name of a model`},
		"no input":         {[]string{"predict", "model-a"}, "it takes an input, - or --file"},
		"input and a file": {[]string{"predict", "model-a", "[1]", "--file", "x"}, "not both"},
		"no replicas":      {[]string{"run", "--replicas", "0"}, "--replicas takes a number from 1 to 100"},
		"bad duration":     {[]string{"predict", "model-a", "[1]", "--timeout", "soon"}, "invalid argument"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(t, "", tt.args...)
			assert.Equal(t, exitUsage, r.code)
			assert.Contains(t, r.stderr, tt.want)
			assert.Empty(t, r.stdout)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--help"}, {"help"}} {
		r := call(t, "", args...)
		assert.Zero(t, r.code)
		assert.Contains(t, r.stdout, "modelfn run")
		assert.Empty(t, r.stderr)
	}
	r := call(t, "", "completion", "bash")
	assert.Zero(t, r.code)
	assert.Contains(t, r.stdout, "modelfn")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	r := call(t, "", "version")
	assert.Zero(t, r.code)
	assert.Regexp(t, `^modelfn \S+.*, go1\.`, r.stdout)

	var v buildVersion
	require.NoError(t, json.Unmarshal([]byte(call(t, "", "version", "-o", "json").stdout), &v))
	assert.NotEmpty(t, v.Version)

	var text bytes.Buffer
	built := versionOf(&debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}, {Key: "vcs.time", Value: "2026-01-01T00:00:00Z"},
	}})
	require.NoError(t, built.text(&text))
	assert.Equal(t, "modelfn v1.2.3, revision abc with changes, go1.26.0\n", text.String())
}

func TestTrain(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "a", "b")
	r := call(t, "", "train", "--out", out)
	require.Zero(t, r.code, r.stderr)
	assert.Empty(t, r.stderr, "progress is for a terminal")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	require.Len(t, lines, 5)
	assert.Regexp(t, `^component-d +442 +- +- +- +[0-9.]+ ms +.*/component-d.json$`, lines[1])
	assert.Regexp(t, `^model-b +442 +0.5 +22.909158 +50.2 % +[0-9.]+ ms +.*/model-b.json$`, lines[3])

	again := call(t, "", "train", "--out", out, "-o", "json")
	require.Zero(t, again.code, again.stderr)
	var table []trained
	require.NoError(t, json.Unmarshal([]byte(again.stdout), &table))
	require.Len(t, table, 4)
	assert.Nil(t, table[0].Loss)
	for _, row := range table {
		text, err := os.ReadFile(row.File)
		require.NoError(t, err)
		bundle, err := params.ParseBundle(text)
		require.NoError(t, err)
		set, err := bundle.Set(row.Name)
		require.NoError(t, err)
		assert.Equal(t, set.Digest, row.Digest)
	}
	files, err := os.ReadDir(out)
	require.NoError(t, err)
	assert.Len(t, files, 4, "no temporary file is left")
}

func TestTrainFails(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	bad := filepath.Join(folder, "bad.csv")
	require.NoError(t, os.WriteFile(bad, []byte("bmi,bp,s5,progression\n1,2,x,4\n"), 0o600))
	blocked := filepath.Join(folder, "blocked")
	require.NoError(t, os.MkdirAll(filepath.Join(blocked, "model-a.json", "x"), 0o755))
	tests := map[string]struct {
		args []string
		want string
	}{
		"no such file": {[]string{"--data", filepath.Join(folder, "none.csv")}, "none.csv: no such file or directory"},
		"bad data":     {[]string{"--data", bad}, `bad.csv: line 2, column s5: "x" is not a number`},
		"no folder":    {[]string{"--out", filepath.Join(bad, "out")}, "the folder for the bundles: mkdir"},
		"no file":      {[]string{"--out", blocked}, "writing the bundle of model-a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { // one after another: they look into the same folder
			r := call(t, "", append([]string{"train"}, tt.args...)...)
			assert.Equal(t, exitFailed, r.code)
			assert.Contains(t, r.stderr, tt.want)
			left, err := filepath.Glob(filepath.Join(blocked, ".*"))
			require.NoError(t, err)
			assert.Empty(t, left, "a temporary file is left")
		})
	}
}

// gateway answers every input with its own text, or as the model's name says.
func gateway(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /model-a/predict", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Inputs []any `json:"inputs"`
		}
		if !assert.NoError(t, json.UnmarshalRead(r.Body, &body)) {
			return
		}
		w.Header().Set("Modelfn-Params-Version", "7")
		w.Header().Set("Modelfn-Params-Digest", "sha256:"+strings.Repeat("ab", 32))
		w.Header().Set("Modelfn-Components", "component-d=3")
		w.Header().Set("Modelfn-Revision", "model-a-00002")
		_ = json.MarshalWrite(w, map[string]any{"outputs": body.Inputs})
	})
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	mux.HandleFunc("POST /bad-input/predict", answer(400, `{"error":"inputs[0][2]: not a number","id":"0123"}`))
	mux.HandleFunc("POST /unknown/predict", answer(400, `{"message":"Invalid model!"}`))
	mux.HandleFunc("POST /proxy/predict", answer(502, "<html>"))
	mux.HandleFunc("POST /nonsense/predict", answer(200, "<html>"))
	mux.HandleFunc("POST /too-few/predict", answer(200, `{"outputs":[]}`))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestPredict(t *testing.T) {
	t.Parallel()
	url := gateway(t)
	file := filepath.Join(t.TempDir(), "inputs.jsonl")
	require.NoError(t, os.WriteFile(file, []byte("[1]\n[2]\n"), 0o600))
	const told = "\nmodel-a, params version 7 (sha256:abababababab), components component-d=3, revision model-a-00002\n"
	tests := map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"one":        {"", []string{"model_a", "[1.50]"}, "INPUT   OUTPUT\n[1.50]  [1.5]\n" + told},
		"many":       {"", []string{"model-a", "[1]", "[2]"}, "INPUT  OUTPUT\n[1]    [1]\n[2]    [2]\n" + told},
		"file":       {"", []string{"model-a", "--file", file}, "INPUT  OUTPUT\n[1]    [1]\n[2]    [2]\n" + told},
		"stdin":      {" [1] [2]", []string{"model-a", "-"}, "INPUT  OUTPUT\n[1]    [1]\n[2]    [2]\n" + told},
		"stdin file": {"[1]", []string{"model-a", "--file", "-"}, "INPUT  OUTPUT\n[1]    [1]\n" + told},
		"json": {"", []string{"model-a", "[1]", "-o", "json"}, `{"model":"model-a","inputs":[[1]],"outputs":[[1]],"version":"7","digest":"sha256:` +
			strings.Repeat("ab", 32) + `","components":"component-d=3","revision":"model-a-00002"}` + "\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(t, tt.stdin, append([]string{"predict", "--url", url}, tt.args...)...)
			assert.Zero(t, r.code, r.stderr)
			assert.Equal(t, tt.want, r.stdout)
		})
	}
}

func TestPredictFails(t *testing.T) {
	t.Parallel()
	url := gateway(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + l.Addr().String()
	l.Close()
	tests := map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"no JSON":        {"", []string{"model-a", "[1"}, "input 1: "},
		"two values":     {"", []string{"model-a", "[1] [2]"}, "input 1: 2 JSON values instead of one"},
		"second no JSON": {"", []string{"model-a", "[1]", "x"}, "input 2: "},
		"empty stdin":    {"", []string{"model-a", "-"}, "the standard input: no inputs"},
		"no file":        {"", []string{"model-a", "--file", "/nowhere"}, "the inputs: open /nowhere: no such file"},
		"refused":        {"", []string{"bad-input", "[1]"}, "bad-input answers 400: inputs[0][2]: not a number (id 0123)"},
		"unknown model":  {"", []string{"unknown", "[1]"}, "unknown answers 400: Invalid model!"},
		"a proxy":        {"", []string{"proxy", "[1]"}, "proxy answers 502: 502 Bad Gateway"},
		"nonsense":       {"", []string{"nonsense", "[1]"}, "the answer of nonsense: "},
		"too few":        {"", []string{"too-few", "[1]"}, "the answer of too-few: 0 outputs for 1 inputs"},
		"nobody there":   {"", []string{"model-a", "[1]", "--url", nobody}, "nothing answers at " + nobody + "; 'modelfn run' starts the models"},
		"no URL":         {"", []string{"model-a", "[1]", "--url", "here"}, `--url "here" is not a URL`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(t, tt.stdin, append([]string{"predict", "--url", url}, tt.args...)...)
			assert.Equal(t, exitFailed, r.code)
			assert.Contains(t, r.stderr, tt.want)
			assert.Empty(t, r.stdout)
		})
	}
}

// bin builds the tool and the programs of the sample models, once.
var bin = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "modelfn-bin")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-o", folder + "/", "../..", "../../../../samples/own-model"}
	for _, program := range []string{"registry", "component-d", "model-a", "model-b", "model-c"} {
		args = append(args, "../../../../functions/"+program)
	}
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		err = &buildError{err, out}
	}
	return folder, err
})

type buildError struct {
	error
	out []byte
}

func (e *buildError) Error() string { return e.error.Error() + "\n" + string(e.out) }

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := bin(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

// The newcomer's first minutes: one command, and three models answer.
func TestRunAndPredict(t *testing.T) {
	t.Parallel()
	folder, err := bin()
	require.NoError(t, err)
	data := filepath.Join(t.TempDir(), "data")
	for _, start := range []string{"first", "second"} {
		cmd := exec.Command(filepath.Join(folder, "modelfn"), "run", "--listen", "127.0.0.1:0", "--data", data, "-o", "json")
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
