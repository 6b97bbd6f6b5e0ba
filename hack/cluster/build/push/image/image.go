// Package image makes OCI images from nothing: layers of files, and a config.
// They know no time and no owner but root, so the same content has the same digest.
package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// User is whom the images run as; it is not root.
const User = "65532:65532"

// File is a file of an image.
type File struct {
	Path    string // from the root folder, without a slash before
	Mode    int64
	Content []byte
}

// Users are the files by which a container engine knows User. Without them it takes root's
// group where it is told the user's number alone, as Kubernetes does.
func Users() []File {
	return []File{
		{Path: "etc/group", Mode: 0o444, Content: []byte("root:x:0:\nnonroot:x:65532:\n")},
		{Path: "etc/passwd", Mode: 0o444, Content: []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n")},
	}
}

// Plain returns a layer that is not compressed.
func Plain(files ...File) (v1.Layer, error) {
	content, err := archive(files)
	if err != nil {
		return nil, err
	}
	return static.NewLayer(content, types.OCIUncompressedLayer), nil
}

// Packed returns a compressed layer.
func Packed(files ...File) (v1.Layer, error) {
	content, err := archive(files)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// New returns an image for Linux on an architecture, as Go names it.
func New(architecture string, config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, layers...)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", architecture, config
	return mutate.ConfigFile(image, file)
}

// archive returns a tar of the files, each after the folders that it is in.
func archive(files []File) ([]byte, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	made := map[string]bool{".": true}
	for _, f := range files {
		if err := folders(w, path.Dir(f.Path), made); err != nil {
			return nil, err
		}
		header := &tar.Header{Name: f.Path, Mode: f.Mode, Size: int64(len(f.Content))}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// folders writes a folder and those it is in, unless they are made already.
func folders(w *tar.Writer, name string, made map[string]bool) error {
	if made[name] {
		return nil
	}
	if err := folders(w, path.Dir(name), made); err != nil {
		return err
	}
	made[name] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
}
