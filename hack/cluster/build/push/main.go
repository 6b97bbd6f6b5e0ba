// Push puts static programs into images and the images into a registry:
//
//	push REFERENCE=PROGRAM ...
//
// An image has one layer with one file, its entrypoint, and runs as a user that
// is not root. The same program gives the same digest. The layer is not
// compressed, because registry and node share a disk: packing and unpacking
// would cost more than reading. What the registry has is not sent again.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "push:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: push REFERENCE=PROGRAM ...")
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU()) // each holds its layer in memory
	for _, arg := range args {
		group.Go(func() error {
			if err := push(ctx, arg); err != nil {
				return fmt.Errorf("pushing %s: %w", arg, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func push(ctx context.Context, arg string) error {
	reference, program, ok := strings.Cut(arg, "=")
	if !ok {
		return errors.New("not REFERENCE=PROGRAM")
	}
	ref, err := name.ParseReference(reference, name.Insecure) // plain HTTP: the registry is on the node
	if err != nil {
		return err
	}
	image, err := build(program)
	if err != nil {
		return err
	}
	return remote.Write(ref, image, remote.WithContext(ctx))
}

func build(program string) (v1.Image, error) {
	layer, err := archive(program)
	if err != nil {
		return nil, err
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err = mutate.AppendLayers(image, static.NewLayer(layer, types.OCIUncompressedLayer))
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config.Entrypoint = []string{"/" + filepath.Base(program)}
	file.Config.User = "65532:65532"
	return mutate.ConfigFile(image, file)
}

// archive returns a tar with the program as its only file, in the root folder.
func archive(program string) ([]byte, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	header := &tar.Header{Name: filepath.Base(program), Mode: 0o555, Size: int64(len(content))}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
