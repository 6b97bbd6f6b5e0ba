package function_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/schema"
	"github.com/modelfn/modelfn/knative/function"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// golden compares a text with a file, or writes it.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "out of date: go test -update")
}

// TestSchema holds the editors' schema to the fields.
func TestSchema(t *testing.T) {
	s, err := schema.Of[function.Spec]()
	require.NoError(t, err)
	text := bytes.Clone(s.JSON())
	require.NoError(t, (*jsontext.Value)(&text).Indent(jsontext.WithIndent("  ")))
	golden(t, "function.schema.json", string(text)+"\n")
}

func TestSmallest(t *testing.T) {
	s, err := function.Parse("models/m/function.yaml", []byte("name: m\n"))
	require.NoError(t, err)
	assert.Equal(t, "m", s.Program)
	assert.Equal(t, function.Scale{Max: 10, Metric: function.Concurrency}, s.Scale)
	assert.Equal(t, time.Minute, s.Deadline())
	assert.Equal(t, function.Resources{
		Requests: function.Amounts{CPU: "25m", Memory: "32Mi"}, Limits: function.Amounts{Memory: "128Mi"},
	}, s.Resources)
	assert.Equal(t, function.Public, s.Visibility)
	assert.True(t, s.Events)
	assert.False(t, s.Pinned())
	assert.Empty(t, s.Network())
	assert.Empty(t, s.BundlePath())
	assert.Equal(t, "bin/m", s.ProgramPath("bin"))
}

const all = `
name: model-a
program: ../bin/quantile
image: registry.local:5000/modelfn/model-a:1.2@sha256:` + digits + `
params: {version: 18, digest: "sha256:` + digits + `", bundle: params/model-a.json}
components:
  component-d: network
  component-c: network
  component-e: process
scale: {min: 1, max: 20, metric: rps, target: 200, windowSeconds: 30}
concurrency: 50
timeoutSeconds: 0.25
resources:
  requests: {cpu: "0.5", memory: 64Mi}
  limits: {cpu: 1000m, memory: 1Gi}
env:
  LOG_LEVEL: debug
  DATE: 2026-01-01
visibility: cluster-local
events: false
`

const digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestAllFields(t *testing.T) {
	s, err := function.Parse("models/m/function.yaml", []byte(all))
	require.NoError(t, err)
	assert.Equal(t, function.Params{Version: 18, Digest: "sha256:" + digits, Bundle: "params/model-a.json"}, s.Params)
	assert.True(t, s.Pinned())
	assert.Equal(t, []string{"component-c", "component-d"}, s.Network())
	assert.Equal(t, "models/bin/quantile", s.ProgramPath("bin"))
	assert.Equal(t, "models/m/params/model-a.json", s.BundlePath())
	assert.Equal(t, function.Scale{Min: 1, Max: 20, Metric: function.Requests, Target: 200, Window: 30}, s.Scale)
	assert.Equal(t, 50, s.Concurrency)
	assert.Equal(t, 250*time.Millisecond, s.Deadline())
	assert.Equal(t, function.Resources{
		Requests: function.Amounts{CPU: "0.5", Memory: "64Mi"}, Limits: function.Amounts{CPU: "1000m", Memory: "1Gi"},
	}, s.Resources)
	assert.Equal(t, map[string]string{"LOG_LEVEL": "debug", "DATE": "2026-01-01"}, s.Env)
	assert.Equal(t, function.ClusterLocal, s.Visibility)
	assert.False(t, s.Events)
	assert.Equal(t, "COMPONENT_D_URL", function.URLVariable("component-d"))
}

// What is asked for and what is the limit fit each other if one of them is told.
func TestResources(t *testing.T) {
	tests := map[string]struct {
		text string
		want function.Resources
	}{
		"low limits":   {`limits: {cpu: 10m, memory: 16Mi}`, function.Resources{Requests: function.Amounts{CPU: "10m", Memory: "16Mi"}, Limits: function.Amounts{CPU: "10m", Memory: "16Mi"}}},
		"high request": {`requests: {memory: 1Gi}`, function.Resources{Requests: function.Amounts{CPU: "25m", Memory: "1Gi"}, Limits: function.Amounts{Memory: "1Gi"}}},
		"high limit":   {`limits: {cpu: "2"}`, function.Resources{Requests: function.Amounts{CPU: "25m", Memory: "32Mi"}, Limits: function.Amounts{CPU: "2", Memory: "128Mi"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := function.Parse("f", []byte("name: m\nresources: {"+tt.text+"}\n"))
			require.NoError(t, err)
			assert.Equal(t, tt.want, s.Resources)
		})
	}
}

// TestProblems: each file of testdata/wrong has its problems beside it.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			_, err = function.Parse("function.yaml", content)
			require.ErrorAs(t, err, new(function.ProblemsError))
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

func TestLoad(t *testing.T) {
	specs, err := function.Load("../../functions", "../../functions/model-a", "../../functions/model-b/function.yaml")
	require.NoError(t, err)
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"component-d", "model-a", "model-b", "model-c"}, names, "each once")
}

func TestLoadFails(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	write("a/function.yaml", "name: m\n")
	write("b/function.yaml", "name: m\n")
	write("c/function.yaml", "name: n\nscale: many\n")
	write("empty/readme", "")
	join := func(name string) string { return filepath.Join(folder, name) }

	_, err := function.Load(folder, join("empty"), join("none"))
	require.Error(t, err)
	assert.Equal(t, strings.Join([]string{
		join("empty") + ": no function.yaml in it or right below",
		join("none") + ": no such file or directory",
		join("b/function.yaml") + ": name: m is the function of " + join("a/function.yaml") + " already",
		join("c/function.yaml") + ":2: scale: not an object",
	}, "\n"), err.Error())
}

func TestDescribeFails(t *testing.T) {
	_, err := function.Describe(t.Context(), "/no/such/program", nil)
	require.EqualError(t, err, "asking /no/such/program for its schema: no such file or directory")

	program := filepath.Join(t.TempDir(), "program")
	tests := map[string]struct{ script, want string }{
		"says nothing": {"exit 3", "exit status 3"},
		"says why":     {"echo first >&2; echo '  no data  ' >&2; echo >&2; exit 3", "exit status 3: first; no data"},
		"says much":    {"for i in 1 2 3 4 5 6; do echo $i >&2; done; exit 3", "exit status 3: 2; 3; 4; 5; 6"},
		"says it long": {"printf '%100000d\\n' 7 | tr ' ' x >&2; exit 3", "exit status 3: …" + strings.Repeat("x", 499) + "7"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+tt.script+"\n"), 0o700))
			_, err := function.Describe(t.Context(), program, os.Environ())
			require.EqualError(t, err, "asking "+program+" for its schema: "+tt.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(all))
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	require.NoError(f, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := function.Parse("function.yaml", content)
		if err != nil {
			require.ErrorAs(t, err, new(function.ProblemsError))
			require.NotEmpty(t, err.Error())
			return
		}
		require.NotEmpty(t, s.Name)
	})
}
