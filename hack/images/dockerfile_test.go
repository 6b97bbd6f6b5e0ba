package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
)

// The Dockerfile's images have the files, the config and the user of ours. buildah
// builds them, as root, without a daemon and without a network.
func TestDockerfile(t *testing.T) {
	folder := checkout(t)
	require.NoError(t, run(t.Context(), nil, "", folder, io.Discard))
	for _, name := range []string{"Dockerfile", ".dockerignore"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content(t, "../..", name)), 0o600))
	}
	for _, test := range []struct{ function, program, target string }{
		{"model-a", "model-a", "model"},
		{"registry", "registry", "function"},
		{"console", "modelfn", "console"},
	} {
		t.Run(test.function, func(t *testing.T) {
			want := layoutImage(t, filepath.Join(folder, "out/images/oci", test.function))
			config := configOf(t, want)
			got := buildah(t, folder, "--target", test.target,
				"--build-arg", "FUNCTION="+test.function, "--build-arg", "PROGRAM="+test.program,
				"--build-arg", "VERSION="+config.Labels["org.opencontainers.image.version"],
				"--build-arg", "REVISION="+config.Labels["org.opencontainers.image.revision"])

			built := configOf(t, got)
			delete(built.Labels, "io.buildah.version")
			require.Equal(t, config.User, built.User)
			require.Equal(t, config.Entrypoint, built.Entrypoint)
			require.Equal(t, config.Env, built.Env)
			require.Equal(t, config.Labels, built.Labels)
			require.Equal(t, config.Cmd, built.Cmd)

			files, others := flatten(t, want), flatten(t, got)
			for path, file := range files {
				require.Equal(t, file.String(), others[path].String(), path)
				require.Zero(t, strings.Compare(file.content, others[path].content), "%s differs", path) // it is long
			}
			require.Len(t, others, len(files))
		})
	}
}

func configOf(t *testing.T, image v1.Image) v1.Config {
	t.Helper()
	file, err := image.ConfigFile()
	require.NoError(t, err)
	return file.Config
}

// buildah builds an image in a folder with these options.
func buildah(t *testing.T, folder string, options ...string) v1.Image {
	t.Helper()
	_, err := exec.LookPath("buildah")
	require.NoError(t, err, "hack/test installs it")
	state, out := t.TempDir(), t.TempDir()
	call := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "buildah", append([]string{
			"--root", filepath.Join(state, "root"), "--runroot", filepath.Join(state, "run"), "--storage-driver", "vfs",
		}, args...)...)
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, string(said))
	}
	call(append(append([]string{"bud", "--isolation", "chroot", "--quiet", "--tag", "built"}, options...), folder)...)
	call("push", "--quiet", "built", "oci:"+out)
	return layoutImage(t, out)
}
