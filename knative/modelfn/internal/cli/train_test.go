package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
)

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

// What is trained is written where no run writes over it.
func TestTrainKeepsOutOfTheRun(t *testing.T) {
	t.Chdir(t.TempDir())
	r := call(t, "", "train")
	require.Zero(t, r.code, r.stderr)
	assert.FileExists(t, "bundles/model-a.json")
	assert.NoDirExists(t, defaultFolder)
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
