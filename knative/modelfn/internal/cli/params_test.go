package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

// running starts the real run and returns its URL.
func running(t *testing.T, args ...string) string {
	t.Helper()
	folder, err := bin()
	require.NoError(t, err)
	args = append([]string{"run", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"), "-o", "json"}, args...)
	cmd := exec.Command(filepath.Join(folder, "modelfn"), args...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGINT); assert.NoError(t, cmd.Wait()) })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var s serving
	require.NoError(t, json.Unmarshal(line, &s))
	return s.URL
}

// onParams calls the command for params at a URL.
func onParams(t *testing.T, url string, args ...string) result {
	t.Helper()
	return call(t, `{"weights":[1,2,3],"bias":4,"quantile":0.1}`, append(append([]string{"params"}, args...), "--url", url)...)
}

// read reads what a call printed as JSON.
func read[T any](t *testing.T, r result) (v T) {
	t.Helper()
	require.Zero(t, r.code, r.stderr)
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &v))
	return v
}

// The life of a model's params, by command, on the real programs.
func TestParams(t *testing.T) {
	t.Parallel()
	url := running(t, "--replicas", "2", "--network", "component-d")
	r := onParams(t, url, "list")
	require.Zero(t, r.code, r.stderr)
	assert.Regexp(t, `(?m)^model-a +1 +sha256:[0-9a-f]{12} +component-d=1 +by local at .*: first start$`, r.stdout)
	assert.Len(t, read[[]params.Document](t, onParams(t, url, "list", "-o", "json")), 4)

	r = onParams(t, url, "set", "model_a", "--set", "weights[0]=1.5", "--set", "bias=80", "--message", "try")
	assert.Equal(t, 0, r.code, r.stderr)
	assert.Regexp(t, `^model-a version 2 \(sha256:[0-9a-f]{12}\) is current\n$`, r.stdout)
	r = onParams(t, url, "get", "model-a")
	assert.Regexp(t, `(?s)^model-a version 2 .*by local at .*: try\nrequires component-d version 1 .*"weights": \[\n +1.5,`, r.stdout)
	assert.Contains(t, onParams(t, url, "diff", "model-a").stdout, "weights[0]: 16.4730585")
	assert.Contains(t, onParams(t, url, "diff", "model-a", "2", "v1").stdout, "bias: 80 → 79.32")

	hold := read[params.Document](t, onParams(t, url, "hold", "model-a", "--file", "-", "-o", "json"))
	assert.True(t, hold.Held)
	assert.JSONEq(t, `{"weights":[1,2,3],"bias":4,"quantile":0.1}`, string(hold.Params))
	assert.EqualValues(t, 2, read[params.Document](t, onParams(t, url, "get", "model-a", "-o", "json")).Version)
	assert.Equal(t, hold.Digest, read[params.Document](t, onParams(t, url, "promote", "model-a", "3", "-o", "json")).Digest)
	assert.Contains(t, onParams(t, url, "diff", "model-a").stdout, "bias: 80 → 4", "the held version was not current")
	patched := read[params.Document](t, onParams(t, url, "patch", "model-a", `{"bias":5}`, "-o", "json"))
	assert.JSONEq(t, `{"weights":[1,2,3],"bias":5,"quantile":0.1}`, string(patched.Params))
	back := read[params.Document](t, onParams(t, url, "rollback", "model-a", "1", "-m", "enough", "-o", "json"))
	assert.EqualValues(t, 6, back.Version)
	r = onParams(t, url, "history", "model-a", "--limit", "5")
	assert.Regexp(t, `(?s)model-a +6 .*: enough\n.*model-a +3 .* held, by local.*model-a +2 `, r.stdout)
	assert.NotContains(t, r.stdout, "first start")
	assert.Len(t, read[[]params.Document](t, onParams(t, url, "history", "model-a", "-o", "json")), 6)

	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"unfit":        {[]string{"patch", "model-a", `{"bias":"x"}`}, "the registry answers 400: params.bias: "},
		"unknown":      {[]string{"get", "model-z"}, "the registry answers 404: "},
		"no version":   {[]string{"get", "model-a", "--version", "99"}, "the registry answers 404: "},
		"not held":     {[]string{"promote", "model-a", "2"}, "the registry answers 409: version 2 of model-a is not held"},
		"no item":      {[]string{"set", "model-a", "--set", "weights[7]=1"}, "--set weights[7]=1: weights has no item 7"},
		"no such file": {[]string{"set", "model-a", "--file", "/nowhere"}, "the params: open /nowhere: no such file"},
		"first":        {[]string{"diff", "component-d"}, "there is no version of component-d before 1"},
	} {
		r := onParams(t, url, tt.args...)
		assert.Equal(t, exitFailed, r.code, name)
		assert.Contains(t, r.stderr, tt.want, name)
		assert.Empty(t, r.stdout, name)
	}
}

// A write that comes too late is not made, and says who was first, and with what.
func TestParamsConflict(t *testing.T) {
	t.Parallel()
	url := running(t)
	require.Zero(t, onParams(t, url, "set", "model-a", "--set", "bias=80", "-m", "the first").code)
	r := onParams(t, url, "set", "model-a", "--set", "bias=81", "--if-version", "1")
	assert.Equal(t, exitFailed, r.code)
	assert.Empty(t, r.stdout)
	assert.Regexp(t, `^modelfn: nothing was written: version 2 of model-a is current, not 1\n`+
		`  version 2, by local at .*: the first\n    bias: 79.3276[0-9]+ → 80\n$`, r.stderr)

	r = onParams(t, url, "rollback", "model-a", "1", "--if-version", "1", "-o", "json")
	assert.Equal(t, exitFailed, r.code)
	var told struct {
		Conflict conflicted `json:"conflict"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &told))
	assert.EqualValues(t, 2, told.Conflict.Current)
	assert.Equal(t, "the first", told.Conflict.Written[0].Message)
	require.Len(t, told.Conflict.Changes, 1)
	assert.Equal(t, "80", string(told.Conflict.Changes[0].To))
	require.Zero(t, onParams(t, url, "set", "model-a", "--set", "bias=81", "--if-version", "2").code)
}

// What is exported is served without a registry, to the last bit.
func TestParamsExport(t *testing.T) {
	t.Parallel()
	url := running(t)
	require.Zero(t, onParams(t, url, "set", "model-a", "--set", "bias=80").code)
	file := filepath.Join(t.TempDir(), "bundle.json")
	done := read[exported](t, onParams(t, url, "export", "model-a", "--out", file, "-o", "json"))
	assert.EqualValues(t, 2, done.Version)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(text), onParams(t, url, "export", "model-a").stdout)
	older := onParams(t, url, "export", "model-a", "--version", "1").stdout
	assert.Contains(t, older, `"version": 1`)

	bundle, err := params.ParseBundle(text)
	require.NoError(t, err)
	set, err := bundle.Set("model-a")
	require.NoError(t, err)
	require.Equal(t, done.Digest, set.Digest)
	assert.Len(t, set.Components, 1)
	answer := predictedBy(t, file)
	r := call(t, "", "predict", "model-a", exampleInput, "--url", url, "-o", "json")
	assert.Contains(t, r.stdout, `"outputs":[`+answer+`]`)
	assert.Contains(t, r.stdout, `"version":2`)
}

// predictedBy runs model-a on a bundle alone and returns its output for the example.
func predictedBy(t *testing.T, bundle string) string {
	t.Helper()
	folder, err := bin()
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(folder, "model-a"))
	cmd.Env = []string{"HOST=127.0.0.1", "PORT=0", "ADMIN_PORT=0", "PARAMS_PATH=" + bundle}
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(log)
	url := ""
	for seen := 0; seen < 2 && lines.Scan(); seen++ { // it listens, and it has applied the params
		var line struct {
			Traffic string `json:"traffic"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		url += line.Traffic
	}
	resp, err := http.Post("http://"+url+"/predict", "application/json", strings.NewReader(`{"input":`+exampleInput+`}`))
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var out struct {
		Output jsontext.Value `json:"output"`
	}
	require.NoError(t, json.Unmarshal(text, &out), string(text))
	return string(out.Output)
}

// The watch prints what comes, and how far it has come, until it is ended.
func TestParamsWatch(t *testing.T) {
	t.Parallel()
	url := running(t, "--replicas", "2")
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- Run(ctx, []string{"params", "watch", "model-a", "--url", url}, nil, in, io.Discard)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	until := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		require.Fail(t, "the watch ended before "+want)
	}
	until("model-a version 1 ")
	until("model-a: on v1 2 of 2")
	require.Zero(t, onParams(t, url, "set", "model-a", "--set", "bias=80", "-m", "up").code)
	until(": up")
	until("model-a: on v2 2 of 2")
	cancel()
	go func() { _, _ = io.Copy(io.Discard, out) }()
	select {
	case c := <-code:
		require.Zero(t, c)
	case <-time.After(time.Minute):
		require.Fail(t, "the watch does not end")
	}

	var text bytes.Buffer
	s := sight{Model: "model-a", Version: 3, Replicas: &spread{On: 1, Of: 2}}
	a := &app{stdout: &text, format: "json"}
	require.NoError(t, a.print(s, s.text))
	assert.JSONEq(t, `{"model":"model-a","version":3,"replicas":{"on":1,"of":2}}`, text.String())
}

// What is trained on other data is published as one step: every model requires the
// component that it was trained with.
func TestTrainPublishes(t *testing.T) {
	t.Parallel()
	url := running(t)
	table := read[[]trained](t, call(t, "", "train", "--publish", "--message", "again", "--url", url, "--out", t.TempDir(), "-o", "json"))
	require.Len(t, table, 4)
	all := read[[]params.Document](t, onParams(t, url, "list", "-o", "json"))
	require.Len(t, all, 4)
	component := all[0]
	for i, d := range all {
		assert.EqualValues(t, 2, d.Version)
		assert.Equal(t, d.Digest, table[i].Digest)
		assert.EqualValues(t, 2, table[i].Version)
		assert.Equal(t, "again", d.Message)
		if i > 0 {
			assert.Equal(t, component.Pin(), d.Requires["component-d"])
		}
	}
	r := call(t, "", "train", "--publish", "--url", url, "--out", t.TempDir())
	assert.Regexp(t, `(?s)^MODEL .* VERSION\ncomponent-d .* 3\n`, r.stdout)
}

// With tokens, a write needs one.
func TestParamsToken(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	const hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" // of "secret"
	require.NoError(t, os.WriteFile(tokens, []byte("alice sha256:"+hash+"\n"), 0o600))
	url := running(t, "--tokens", tokens, "--token", "secret")
	r := onParams(t, url, "set", "model-a", "--set", "bias=80")
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stderr, "the registry answers 401: ")
	require.Zero(t, onParams(t, url, "set", "model-a", "--set", "bias=80", "--token", "secret").code)
	t.Setenv(tokenVariable, "secret")
	d := read[params.Document](t, onParams(t, url, "set", "model-a", "--set", "bias=81", "-o", "json"))
	assert.Equal(t, "alice", d.Author)
}

func TestParamsUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"no model":        {[]string{"get"}, "it takes the name of a model"},
		"bad model":       {[]string{"set", "../a", "--set", "a=1"}, `"../a" is not the name of a model`},
		"nothing to set":  {[]string{"set", "model-a"}, "it takes --file or --set"},
		"nothing to hold": {[]string{"hold", "model-a"}, "it takes --file or --set"},
		"no version":      {[]string{"rollback", "model-a"}, "it takes other arguments"},
		"bad version":     {[]string{"promote", "model-a", "new"}, `"new" is not a version, such as 17`},
		"bad difference":  {[]string{"diff", "model-a", "0"}, `"0" is not a version`},
		"too many":        {[]string{"diff", "model-a", "1", "2", "3"}, "it takes other arguments"},
		"bad watch":       {[]string{"watch", "A"}, `"A" is not the name of a model`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(t, "", append([]string{"params"}, tt.args...)...)
			assert.Equal(t, exitUsage, r.code)
			assert.Contains(t, r.stderr, tt.want)
		})
	}
	assert.Contains(t, call(t, "", "params").stdout, "Available Commands")
	r := call(t, "", "params", "list", "--url", "http://127.0.0.1:1")
	assert.Contains(t, r.stderr, "nothing answers at http://127.0.0.1:1; 'modelfn run' starts the models")
	assert.Contains(t, call(t, "", "params", "list", "--url", "here").stderr, `--url: "here" is not an http or https URL`)
}

func TestSetAll(t *testing.T) {
	t.Parallel()
	const content = `{"b":{"c":[1,{"d":2}]},"a":1.50}`
	tests := []struct{ set, want, err string }{
		{set: "a=2", want: `{"a":2,"b":{"c":[1,{"d":2}]}}`},
		{set: "b.c[0]=7", want: `{"a":1.5,"b":{"c":[7,{"d":2}]}}`},
		{set: "b.c[1].d=[1,2]", want: `{"a":1.5,"b":{"c":[1,{"d":[1,2]}]}}`},
		{set: `b.e="x=y"`, want: `{"a":1.5,"b":{"c":[1,{"d":2}],"e":"x=y"}}`},
		{set: "b=null", want: `{"a":1.5,"b":null}`},
		{set: "a", err: "not PATH=VALUE"},
		{set: "=1", err: "not PATH=VALUE"},
		{set: "a=x", err: "the value is not JSON"},
		{set: "a=1 2", err: "the value is not JSON"},
		{set: "a.x=1", err: "a is no object"},
		{set: "a[0]=1", err: "a has no item 0"},
		{set: "b.c[2]=1", err: "b.c has no item 2"},
		{set: "[0]=1", err: "the whole has no item 0"},
		{set: "b..c=1", err: "is not a path"},
		{set: "b.c[x]=1", err: "is not a path"},
		{set: "b.c[-1]=1", err: "is not a path"},
		{set: "b.c[0]x=1", err: "is not a path"},
		{set: "b.c[0]]=1", err: "is not a path"},
		{set: "b.c[0=1", err: "is not a path"},
	}
	for _, tt := range tests {
		got, err := setAll(jsontext.Value(content), []string{tt.set})
		if tt.err != "" {
			require.ErrorContains(t, err, tt.err, tt.set)
			continue
		}
		require.NoError(t, err, tt.set)
		require.Equal(t, tt.want, string(got), tt.set)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	before := params.Document{
		Params:   jsontext.Value(`{"a":1.50,"b":[1,2],"c":{},"gone":true}`),
		Requires: map[string]params.Pin{"component-d": {Version: 1}},
	}
	after := params.Document{
		Params:   jsontext.Value(`{"b":[1,3,4],"a":1.5,"c":{"x":null}}`),
		Requires: map[string]params.Pin{"component-d": {Version: 2}},
	}
	list, err := compare(before, after)
	require.NoError(t, err)
	var lines []string
	for _, d := range list {
		lines = append(lines, d.String())
	}
	assert.Equal(t, []string{
		"b[1]: 2 → 3", "c: {} → nothing", "gone: true → nothing", "requires.component-d: 1 → 2", "b[2]: nothing → 4", "c.x: nothing → null",
	}, lines)
	same, err := compare(after, after)
	require.NoError(t, err)
	assert.NotNil(t, same)
	assert.Empty(t, same)
}
