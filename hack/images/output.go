package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/modelfn/modelfn/hack/cluster/build/push/image"
)

// output is where images go: a folder, and a registry.
type output struct {
	folder   string
	registry string

	mu         sync.Mutex        // guards references
	references map[string]string // by the function's name
}

// newOutput returns an output that knows the references of earlier runs: one's own
// function is made without the others.
func newOutput(folder, registry string) (*output, error) {
	o := &output{folder: folder, registry: registry, references: map[string]string{}}
	data, err := os.ReadFile(o.file())
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &o.references)
	}
	if err != nil {
		return nil, fmt.Errorf("the images made before: %w; remove the file", err)
	}
	return o, nil
}

func (o *output) file() string { return filepath.Join(o.folder, "images.json") }

// base returns the layer that all images have in common, and writes its files for
// the Dockerfile.
func (o *output) base() (v1.Layer, error) {
	files := baseFiles()
	for _, f := range files {
		path := filepath.Join(o.folder, "root", f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := replace(path, f.Content, fs.FileMode(f.Mode)); err != nil {
			return nil, err
		}
	}
	return image.Packed(files...)
}

// make makes the image of a function and pushes it if it has to. It returns a line
// that says so.
func (o *output) make(ctx context.Context, f function, base v1.Layer, push bool) (string, error) {
	image, err := f.image(base)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	reference, err := parseReference(o.registry + "/" + f.name)
	if err != nil {
		return "", err
	}
	if err := o.writeLayout(f.name, image); err != nil {
		return "", fmt.Errorf("writing the image: %w", err)
	}
	done := "made"
	if push {
		if err := remote.Write(reference, image, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
			return "", fmt.Errorf("pushing: %w", err)
		}
		done = "pushed"
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.references[f.name] = reference.Context().Digest(digest.String()).String()
	size, err := size(image)
	return fmt.Sprintf("%-6s %5.1f MB  %s", done, float64(size)/1e6, o.references[f.name]), err
}

var localHost = regexp.MustCompile(`^[^/]*\.local(:\d+)?/`)

// parseReference reads the name of an image. go-containerregistry speaks plain HTTP
// to localhost and to private addresses; hosts of .local are added.
func parseReference(text string) (name.Reference, error) {
	var options []name.Option
	if localHost.MatchString(text) {
		options = append(options, name.Insecure)
	}
	return name.ParseReference(text, options...)
}

// size is what a registry keeps and a node pulls, in bytes.
func size(image v1.Image) (int64, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, err
	}
	total := manifest.Config.Size
	for _, layer := range manifest.Layers {
		total += layer.Size
	}
	return total, nil
}

// writeLayout writes an OCI layout, in the place of the one before.
func (o *output) writeLayout(name string, image v1.Image) error {
	target := filepath.Join(o.folder, "oci", name)
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	path, err := layout.Write(target, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendImage(image, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": name}))
}

// writeReferences writes images.json, and what the overlays take of it.
func (o *output) writeReferences() error {
	data, err := json.Marshal(o.references, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if err := replace(o.file(), append(data, '\n'), 0o644); err != nil {
		return err
	}
	return replace(filepath.Join(o.folder, "kustomization.yaml"), []byte(o.component()), 0o644)
}

// shared are the images that knative/config names, and the packages by which it does.
var shared = []struct{ image, path string }{
	{"dead-letter", "functions/dead-letter"},
	{"registry", "functions/registry"},
	{"console", "knative/modelfn"},
}

// component is what puts the shared images, by digest, into a kustomization.
func (o *output) component() string {
	text := "# The images of what knative/config has, by digest; made by make images.\n" +
		"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
	for _, s := range shared {
		if name, digest, ok := strings.Cut(o.references[s.image], "@"); ok {
			text += fmt.Sprintf("  - name: ko://%s/%s\n    newName: %s\n    digest: %s\n", repository, s.path, name, digest)
		}
	}
	return text
}

// replace writes a file that is whole at any moment.
func replace(path string, content []byte, mode fs.FileMode) error {
	if err := os.WriteFile(path+".new", content, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
