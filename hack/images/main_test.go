package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

func TestImageOfAModel(t *testing.T) {
	folder, host := checkout(t), serveRegistry(t)
	require.NoError(t, run(t.Context(), nil, host+"/modelfn", folder, io.Discard))

	image := pull(t, references(t, folder)["model-a"])
	require.NoError(t, validate.Image(image))
	file, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, "linux", file.OS)
	require.Equal(t, runtime.GOARCH, file.Architecture)
	require.Equal(t, "65532:65532", file.Config.User)
	require.Equal(t, []string{"/function"}, file.Config.Entrypoint)
	require.Equal(t, "PARAMS_PATH=/models", file.Config.Env[len(file.Config.Env)-1])
	require.True(t, file.Created.IsZero() || file.Created.Equal(time.Unix(0, 0)), "a time would change the digest")
	labels := file.Config.Labels
	require.Equal(t, "model-a", labels["org.opencontainers.image.title"])
	require.Equal(t, "https://github.com/modelfn/modelfn", labels["org.opencontainers.image.source"])
	require.Equal(t, "Apache-2.0", labels["org.opencontainers.image.licenses"])
	require.NotEmpty(t, labels["org.opencontainers.image.version"])

	files := flatten(t, image)
	require.Equal(t, content(t, folder, "bin/model-a"), files["function"].content)
	require.Equal(t, content(t, folder, "out/images/models/model-a.json"), files["models/model-a.json"].content)
	require.Contains(t, files["etc/passwd"].content, "\nnonroot:x:65532:65532:")
	require.True(t, x509.NewCertPool().AppendCertsFromPEM([]byte(files["etc/ssl/certs/ca-certificates.crt"].content)))
	for path, f := range files {
		require.Zero(t, f.mode&0o222&^0o755, "%s can be written", path)
		require.Zero(t, f.owner, "%s is not root's", path)
	}
	require.Len(t, files, 9, "four folders and five files")

	bytes, err := size(image)
	require.NoError(t, err)
	require.Less(t, bytes, int64(15e6))
}

func TestImagesWithoutParams(t *testing.T) {
	folder, host := checkout(t), serveRegistry(t)
	require.NoError(t, run(t.Context(), nil, host+"/modelfn", folder, io.Discard))
	for function, args := range map[string][]string{"registry": nil, "console": {"console"}} {
		image := pull(t, references(t, folder)[function])
		file, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, []string{"/function"}, file.Config.Entrypoint)
		require.Equal(t, args, file.Config.Cmd)
		require.Len(t, file.Config.Env, 1, "PATH")
		require.NotContains(t, flatten(t, image), "models")
	}
}

// ko puts a program on it.
func TestBase(t *testing.T) {
	folder, host := checkout(t), serveRegistry(t)
	require.NoError(t, run(t.Context(), nil, host, folder, io.Discard))
	image := pull(t, references(t, folder)["base"])
	file, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, "65532:65532", file.Config.User)
	files := flatten(t, image)
	require.Contains(t, files, "etc/ssl/certs/ca-certificates.crt")
	require.NotContains(t, files, "function")
	latest, err := name.NewTag(host + "/base:latest")
	require.NoError(t, err)
	tagged, err := remote.Get(latest)
	require.NoError(t, err, "ko finds it by its tag")
	digest, err := image.Digest()
	require.NoError(t, err)
	require.Equal(t, digest, tagged.Digest)
}

func TestSameContentGivesTheSameDigest(t *testing.T) {
	folder := checkout(t)
	require.NoError(t, run(t.Context(), nil, "", folder, io.Discard))
	before := references(t, folder)
	require.Len(t, before, 4)

	later := checkout(t)
	for _, path := range []string{"bin/model-a", "out/images/models/model-a.json"} {
		require.NoError(t, os.Chtimes(filepath.Join(later, path), time.Unix(1, 0), time.Unix(1, 0)))
	}
	require.NoError(t, run(t.Context(), nil, "", later, io.Discard))
	require.Equal(t, before, references(t, later))

	// New params change the model that has them, alone.
	require.NoError(t, os.WriteFile(filepath.Join(later, "out/images/models/model-a.json"), []byte("{}"), 0o600))
	require.NoError(t, run(t.Context(), nil, "", later, io.Discard))
	after := references(t, later)
	require.NotEqual(t, before["model-a"], after["model-a"])
	require.Equal(t, before["registry"], after["registry"])
}

func TestLayoutIsWhatIsPushed(t *testing.T) {
	folder, host := checkout(t), serveRegistry(t)
	require.NoError(t, run(t.Context(), nil, host+"/modelfn", folder, io.Discard))
	digest, err := layoutImage(t, filepath.Join(folder, "out/images/oci/model-a")).Digest()
	require.NoError(t, err)
	require.Equal(t, host+"/modelfn/model-a@"+digest.String(), references(t, folder)["model-a"])
}

// The overlay for production takes the images by digest from a file that is made with them.
func TestComponent(t *testing.T) {
	folder := checkout(t)
	require.NoError(t, run(t.Context(), nil, "", folder, io.Discard))
	_, console, _ := strings.Cut(references(t, folder)["console"], "@")
	_, registry, _ := strings.Cut(references(t, folder)["registry"], "@")
	require.Equal(t, `# The images of what knative/config has, by digest; made by make images.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - name: ko://github.com/modelfn/modelfn/functions/registry
    newName: registry.local:5000/modelfn/registry
    digest: `+registry+`
  - name: ko://github.com/modelfn/modelfn/knative/modelfn
    newName: registry.local:5000/modelfn/console
    digest: `+console+`
`, content(t, folder, "out/images/kustomization.yaml"))
}

func TestFunctionOfOnesOwn(t *testing.T) {
	folder, host := checkout(t), serveRegistry(t)
	require.NoError(t, run(t.Context(), nil, "", folder, io.Discard))
	before := references(t, folder)
	program, bundle := filepath.Join(folder, "bin/model-a"), filepath.Join(folder, "out/images/models/model-a.json")
	require.NoError(t, run(t.Context(), []string{"mine=" + program + "," + bundle}, host, folder, io.Discard))

	after := references(t, folder)
	files := flatten(t, pull(t, after["mine"]))
	require.Equal(t, content(t, folder, "bin/model-a"), files["function"].content)
	require.Contains(t, files, "models/mine.json")
	delete(after, "mine")
	require.Equal(t, before, after, "the others stay")
}

// What is made for one cluster leaves what is made for another alone.
func TestOut(t *testing.T) {
	folder, host := checkout(t), serveRegistry(t)
	require.NoError(t, run(t.Context(), nil, host+"/production", folder, io.Discard))
	before, component := references(t, folder), content(t, folder, "out/images/kustomization.yaml")
	require.NoError(t, run(t.Context(), []string{"-out", "cluster"}, "", folder, io.Discard))

	require.Equal(t, before, references(t, folder))
	require.Equal(t, component, content(t, folder, "out/images/kustomization.yaml"))
	_, digest, _ := strings.Cut(before["model-a"], "@")
	require.Contains(t, content(t, folder, "out/cluster/images.json"), `"registry.local:5000/modelfn/model-a@`+digest+`"`)
	require.ErrorContains(t, run(t.Context(), []string{"-into", "cluster"}, "", folder, io.Discard), "-into")
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	folder := checkout(t)
	text := filepath.Join(folder, "text")
	require.NoError(t, os.WriteFile(text, []byte("#!/bin/sh"), 0o600))
	program := filepath.Join(folder, "bin/model-a")
	for _, test := range []struct{ arg, want string }{
		{"mine", "not NAME=PROGRAM"},
		{"Mine=" + program, "small letters"},
		{"mine=/no/such/program", "the program: open /no/such/program"},
		{"mine=" + text, "not a program for Linux"},
		{"mine=/bin/sh", "CGO_ENABLED=0"},
		{"mine=" + program + ",/no/such/bundle", "the bundle: open /no/such/bundle"},
	} {
		require.ErrorContains(t, run(t.Context(), []string{test.arg}, "", folder, io.Discard), test.want)
	}
	require.ErrorContains(t, run(t.Context(), nil, "", t.TempDir(), io.Discard), "root folder of the repository")
	require.ErrorContains(t, run(t.Context(), nil, "UPPER", folder, io.Discard), "could not parse reference")
}

func TestPlainHTTPStaysNear(t *testing.T) {
	for host, scheme := range map[string]string{
		"registry.local:5000": "http",
		"localhost:5000":      "http",
		"registry.example":    "https",
		"local.example":       "https",
		"registry.local.com":  "https",
	} {
		reference, err := parseReference(host + "/models/x.local/model-a")
		require.NoError(t, err)
		require.Equal(t, scheme, reference.Context().Scheme(), host)
	}
}

// programs is where the programs of all tests are.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if programs, err = os.MkdirTemp("", "images-"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(programs)
		cmd := exec.Command("go", "build", "-C", "../..", "-trimpath", "-ldflags", "-s -w", "-o", programs,
			"./functions/model-a", "./functions/registry", "./knative/modelfn")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			panic(string(out))
		}
		return m.Run()
	}())
}

// checkout makes a folder like the repository after a build: the programs of two
// functions and the tool, and the params of one.
func checkout(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(folder, "bin"), os.DirFS(programs)))
	for _, function := range []string{"model-a", "registry"} {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, "functions", function), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "functions", function, "main.go"), nil, 0o600))
	}
	models := filepath.Join(folder, "out/images/models")
	require.NoError(t, os.MkdirAll(models, 0o755))
	bundle := content(t, "../..", "functions/quantile/testdata/model-a.json")
	require.NoError(t, os.WriteFile(filepath.Join(models, "model-a.json"), []byte(bundle), 0o600))
	return folder
}

func content(t *testing.T, folder, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, path))
	require.NoError(t, err)
	return string(data)
}

func references(t *testing.T, folder string) (all map[string]string) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(content(t, folder, "out/images/images.json")), &all))
	return all
}

func serveRegistry(t *testing.T) (host string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func pull(t *testing.T, reference string) v1.Image {
	t.Helper()
	ref, err := name.NewDigest(reference)
	require.NoError(t, err)
	image, err := remote.Image(ref)
	require.NoError(t, err)
	return image
}

func layoutImage(t *testing.T, folder string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(folder)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	image, err := index.Image(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	return image
}

// entry is what a container sees of a file.
type entry struct {
	mode, owner int64
	content     string
}

func (e entry) String() string {
	return fmt.Sprintf("%o, owner %d, %d bytes", e.mode, e.owner, len(e.content))
}

// flatten returns the files and folders that a container of an image sees.
func flatten(t *testing.T, image v1.Image) map[string]entry {
	t.Helper()
	stream := mutate.Extract(image)
	defer stream.Close()
	files := map[string]entry{}
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		var data bytes.Buffer
		_, err = io.Copy(&data, r)
		require.NoError(t, err)
		path := strings.Trim(header.Name, "/")
		files[path] = entry{mode: header.Mode & 0o7777, owner: int64(header.Uid), content: data.String()}
	}
}
