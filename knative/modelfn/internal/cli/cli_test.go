package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
		"unknown shell":    {[]string{"completion", "tcsh"}, "unknown command \"tcsh\" for \"modelfn completion\"\nSee 'modelfn completion --help'.\n"},
		"unknown flag":     {[]string{"run", "--fly"}, "unknown flag: --fly\nSee 'modelfn run --help'.\n"},
		"unknown format":   {[]string{"version", "-o", "xml"}, "it takes text or json"},
		"too many":         {[]string{"train", "now"}, "modelfn train"},
		"no model":         {[]string{"predict"}, "it takes the name of a model"},
		"bad model":        {[]string{"predict", "../a", "[1]"}, `"../a" is not the name of a model`},
		"no input":         {[]string{"predict", "model-a"}, "it takes an input, - or --file"},
		"input and a file": {[]string{"predict", "model-a", "[1]", "--file", "x"}, "not both"},
		"no replicas":      {[]string{"run", "--replicas", "0"}, "--replicas takes a number from 1 to 100"},
		"no time":          {[]string{"predict", "model-a", "[1]", "--timeout", "0s"}, "--timeout takes a duration above 0"},
		"no version":       {[]string{"params", "set", "model-a", "--set", "bias=1", "--if-version", "-1"}, `"-1" is not a version, such as 17`},
		"version 0":        {[]string{"params", "rollback", "model-a", "1", "--if-version", "0"}, `"0" is not a version, such as 17`},
		"get version 0":    {[]string{"params", "get", "model-a", "--version", "0"}, `"0" is not a version, such as 17`},
		"empty history":    {[]string{"params", "history", "model-a", "--limit", "0"}, "--limit takes a number from 1 on"},
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
	r := call(t, "", "completion")
	assert.Zero(t, r.code)
	assert.Contains(t, r.stdout, "modelfn completion [command]")
	r = call(t, "", "completion", "bash")
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

// bin builds the tool and the programs of the sample models, once.
var bin = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "modelfn-bin")
	if err != nil {
		return "", err
	}
	binFolder = folder
	args := []string{"build", "-o", folder + "/", "../..", "../../../../samples/own-model"}
	for _, program := range []string{"registry", "component-d", "model-a", "model-b", "model-c"} {
		args = append(args, "../../../../functions/"+program)
	}
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return folder, err
})

// binFolder is that of bin, once a test has asked for it; "" before.
var binFolder string

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(binFolder)
	os.Exit(code)
}
