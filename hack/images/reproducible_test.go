package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The same sources give the same image wherever they are: hack/build leaves nothing in a
// program of the folder that it was built in.
func TestSameSourcesGiveTheSameDigest(t *testing.T) {
	digest := func(folder string) string {
		sources(t, folder)
		cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "hack/build"))
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, string(said))
		args := []string{"model-a=" + filepath.Join(folder, "bin/model-a") + "," + filepath.Join(folder, "functions/quantile/testdata/model-a.json")}
		require.NoError(t, run(t.Context(), args, "", folder, io.Discard))
		return references(t, folder)["model-a"]
	}
	here, there := t.TempDir(), filepath.Join(t.TempDir(), "a folder", "of another name")
	require.Equal(t, digest(here), digest(there))
}

// sources copies into a folder what a model is built of and by; hack/build gets neither a
// page nor a tool to build.
func sources(t *testing.T, folder string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--",
		"go.mod", "go.sum", "hack/build", "framework", "functions/model-a", "functions/quantile", "functions/standardize").Output()
	require.NoError(t, err)
	write := func(name, text string) {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o755)) //nolint:gosec // some are programs
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		write(name, content(t, "../..", name))
	}
	write("hack/page", "#!/bin/sh\n")
	write("knative/modelfn/main.go", "package main\n\nfunc main() {}\n")
}
