package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ko makes of a manifest's ko:// what .ko.yaml says: a static program on our base, as a
// user that is not root, named by digest.
func TestKo(t *testing.T) {
	folder, host := checkout(t), serveRegistry(t)
	require.NoError(t, run(t.Context(), nil, host, folder, io.Discard))
	base := pull(t, references(t, folder)["base"])

	require.Contains(t, content(t, "../..", ".ko.yaml"), "\ndefaultBaseImage: "+local+"/base\n")
	ko := exec.CommandContext(t.Context(), buildKo(t), "resolve", "--sbom=none", "--filename", "-")
	ko.Dir = "../.."
	ko.Stdin = bytes.NewBufferString(content(t, "../..", "knative/manifest/testdata/ko.golden.yaml"))
	ko.Env = append(os.Environ(), "KO_DOCKER_REPO="+host+"/ko", "KO_DEFAULTBASEIMAGE="+host+"/base")
	var said bytes.Buffer
	ko.Stderr = &said
	resolved, err := ko.Output()
	require.NoError(t, err, said.String())
	named := regexp.MustCompile(`(?m)image: (.*)$`).FindSubmatch(resolved)
	require.NotNil(t, named, string(resolved))

	image := pull(t, string(named[1]))
	config := configOf(t, image)
	require.Equal(t, configOf(t, base).User, config.User)
	require.Len(t, config.Entrypoint, 1)
	files, others := flatten(t, image), flatten(t, base)
	for path, file := range others {
		require.Equal(t, file.String(), files[path].String(), path)
	}
	program := files[config.Entrypoint[0][1:]].content
	_, _, err = inspect([]byte(program))
	require.NoError(t, err, "it runs in an empty image")
	info, err := buildinfo.Read(bytes.NewReader([]byte(program)))
	require.NoError(t, err)
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	require.Equal(t, "true", settings["-trimpath"])
	require.Equal(t, "0", settings["CGO_ENABLED"])
	binary, err := elf.NewFile(strings.NewReader(program))
	require.NoError(t, err)
	_, err = binary.Symbols()
	require.ErrorIs(t, err, elf.ErrNoSymbols, "they are stripped")
}

// buildKo builds the program that hack/tools/ko pins, and returns its path.
func buildKo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ko")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", "../tools/ko", "-o", path, "github.com/google/ko")
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	return path
}
