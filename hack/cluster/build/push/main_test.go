package main

import (
	"archive/tar"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

func TestPush(t *testing.T) {
	host := serveRegistry(t)
	program := writeProgram(t, "hello", "the program")
	require.NoError(t, run(t.Context(), []string{
		host + "/one:1=" + program,
		host + "/two:1=" + program,
	}))

	image := pull(t, host+"/one:1")
	file, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, []string{"/hello"}, file.Config.Entrypoint)
	require.Equal(t, "65532:65532", file.Config.User)
	require.Equal(t, "the program", content(t, image, "hello", 0o555))
	require.Contains(t, content(t, image, "etc/passwd", 0o444), "\nnonroot:x:65532:65532:")

	one, err := image.Digest()
	require.NoError(t, err)
	two, err := pull(t, host+"/two:1").Digest()
	require.NoError(t, err)
	require.Equal(t, one, two, "the same program must give the same digest")
}

func TestPushSaysWhatFailed(t *testing.T) {
	host := serveRegistry(t)
	for _, test := range []struct{ arg, want string }{
		{"no-equals-sign", "not REFERENCE=PROGRAM"},
		{host + "/UPPER=" + writeProgram(t, "hello", ""), "could not parse reference"},
		{host + "/one=/no/such/program", "no such file"},
	} {
		require.ErrorContains(t, run(t.Context(), []string{test.arg}), test.want)
	}
	require.ErrorContains(t, run(t.Context(), nil), "usage")
}

func serveRegistry(t *testing.T) (host string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func writeProgram(t *testing.T, name, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func pull(t *testing.T, reference string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(reference, name.Insecure)
	require.NoError(t, err)
	image, err := remote.Image(ref)
	require.NoError(t, err)
	return image
}

// content reads a file of an image, which has one layer.
func content(t *testing.T, image v1.Image, name string, mode int64) string {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	digest, err := layers[0].Digest()
	require.NoError(t, err)
	file, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, []v1.Hash{digest}, file.RootFS.DiffIDs, "the layer must not be compressed")
	layer, err := layers[0].Compressed() // as it was sent
	require.NoError(t, err)
	defer layer.Close()
	files := tar.NewReader(layer)
	header, err := files.Next()
	for err == nil && header.Name != name {
		header, err = files.Next()
	}
	require.NoError(t, err, name)
	require.Equal(t, mode, header.Mode)
	data, err := io.ReadAll(files)
	require.NoError(t, err)
	return string(data)
}
