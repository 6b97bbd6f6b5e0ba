// Package checkout builds the project as others get it: from the files that are
// committed or will be, with the tools that their machine has.
package checkout

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree is a copy of the project, with a PATH that has no Node.js, and what macOS has
// in place of this machine's shell and tools, as far as that can be had here.
type tree struct {
	root, path string
	env        []string
}

// copyOf copies what lies below some folders of the project, and what hack/page needs.
func copyOf(t *testing.T, folders ...string) *tree {
	t.Helper()
	c := &tree{root: t.TempDir(), path: t.TempDir()}
	args := append([]string{"-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, folders...)
	names, err := exec.Command("git", args...).Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		from := filepath.Join("../..", name)
		content, err := os.ReadFile(from)
		if os.IsNotExist(err) {
			continue // it is deleted, and that is not committed yet
		}
		require.NoError(t, err)
		info, err := os.Stat(from)
		require.NoError(t, err)
		to := filepath.Join(c.root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, content, info.Mode().Perm()))
	}
	for _, tool := range []string{"basename", "bash", "cat", "chmod", "cksum", "cmp", "cp", "dirname", "find", "go", "mkdir", "mktemp", "mv", "rm", "sed", "sort"} {
		at, err := exec.LookPath(tool)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(at, filepath.Join(c.path, tool)))
	}
	old := filepath.Join(t.TempDir(), "old") // bash 3.2 knows neither
	require.NoError(t, os.WriteFile(old, []byte("enable -n mapfile readarray\n"), 0o600))
	c.env = append(os.Environ(), "PATH="+c.path, "BASH_ENV="+old)
	return c
}

// tool puts a script into the PATH.
func (c *tree) tool(t *testing.T, name, script string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(c.path, name), []byte("#!/usr/bin/env bash\n"+script), 0o755)) //nolint:gosec // a program
}

// run runs a program of the copy, and returns what it wrote.
func (c *tree) run(t *testing.T, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.Command(name, args...) //nolint:gosec // of the test
	if strings.HasPrefix(name, "hack/") {
		cmd.Path = filepath.Join(c.root, name)
		cmd.Err = nil
	}
	var out, problems bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.root, c.env, &out, &problems
	err = cmd.Run()
	return out.String(), problems.String(), err
}

// show is a program that prints the page that it has.
const show = `package main

import (
	"net/http/httptest"
	"os"

	"github.com/modelfn/modelfn/knative/console/web"
)

func main() {
	w := httptest.NewRecorder()
	web.Embedded().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	os.Stdout.Write(w.Body.Bytes())
}
`

// Without Node.js all is built but the page, and in its place stands how to get it.
func TestWithoutNode(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds every program")
	}
	t.Parallel()
	c := copyOf(t)
	require.NoDirExists(t, filepath.Join(c.root, "knative/console/web/dist"))
	_, stderr, err := c.run(t, "hack/build")
	require.NoError(t, err, stderr)
	require.Contains(t, stderr, "The page is not built: there is no npm.")
	require.FileExists(t, filepath.Join(c.root, "bin/modelfn"))

	require.NoError(t, os.MkdirAll(filepath.Join(c.root, "hack/show"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(c.root, "hack/show/main.go"), []byte(show), 0o600))
	page, stderr, err := c.run(t, filepath.Join(c.path, "go"), "run", "./hack/show")
	require.NoError(t, err, stderr)
	assert.Contains(t, page, "built without its page")
	assert.Contains(t, page, "<code>make build</code>")
	assert.Contains(t, page, `<p lang="zh">`)
}

// A page that cannot be built anew stays, whatever the reason; one that can takes its
// place whole.
func TestPageStays(t *testing.T) {
	t.Parallel()
	c := copyOf(t, "hack/page", "knative/console/web")
	page := func() string {
		content, err := os.ReadFile(filepath.Join(c.root, "knative/console/web/dist/index.html"))
		require.NoError(t, err)
		return string(content)
	}
	says := func(want string) {
		t.Helper()
		_, stderr, err := c.run(t, "hack/page")
		require.NoError(t, err, stderr)
		require.Equal(t, want, stderr)
	}
	npm := `set -e
case $1 in
ci) rm -rf node_modules; [[ $NETWORK != none ]]; mkdir node_modules ;;
run) all=$*; out=${all#*--outDir }; out=${out%% *}
  echo half >"$out/index.html"; [[ $BUILD != broken ]]; echo "$BUILD" >"$out/index.html" ;;
esac
`
	env := slices.Clip(c.env)
	with := func(network, build string) { c.env = append(env, "NETWORK="+network, "BUILD="+build) }

	with("none", "never")
	says("The page is not built: there is no npm.\n")
	c.tool(t, "npm", npm)
	c.tool(t, "node", "exit 0")
	says("The page is not built: its packages cannot be had.\n")
	with("there", "first")
	says("")
	require.Equal(t, "first\n", page())

	with("there", "not asked for")
	says("")
	require.Equal(t, "first\n", page(), "nothing changed")

	require.NoError(t, os.WriteFile(filepath.Join(c.root, "knative/console/web/src/main.tsx"), nil, 0o600))
	with("there", "broken")
	_, _, err := c.run(t, "hack/page")
	require.Error(t, err)
	require.Equal(t, "first\n", page())
	lock := filepath.Join(c.root, "knative/console/web/package-lock.json")
	require.NoError(t, os.WriteFile(lock, []byte("{}"), 0o600))
	with("none", "never")
	says("The page stays as it was built before: its packages cannot be had.\n")
	c.tool(t, "node", "exit 1")
	says("The page stays as it was built before: Node is older than 20.19.\n")
	require.Equal(t, "first\n", page())

	c.tool(t, "node", "exit 0")
	with("there", "second")
	says("")
	require.Equal(t, "second\n", page())
	left, err := filepath.Glob(filepath.Join(c.root, ".cache/page-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
