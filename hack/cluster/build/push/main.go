// Push puts static programs into images and the images into a registry:
//
//	push REFERENCE=PROGRAM ...
//
// An image has one layer with one program, its entrypoint, and runs as a user that
// is not root. The same program gives the same digest. The layer is not
// compressed, because registry and node share a disk: packing and unpacking
// would cost more than reading. What the registry has is not sent again.
package main

import (
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
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/modelfn/modelfn/hack/cluster/build/push/image"
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
	built, err := build(program)
	if err != nil {
		return err
	}
	return remote.Write(ref, built, remote.WithContext(ctx))
}

func build(program string) (v1.Image, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(program)
	layer, err := image.Plain(append(image.Users(), image.File{Path: name, Mode: 0o555, Content: content})...)
	if err != nil {
		return nil, err
	}
	return image.New(runtime.GOARCH, v1.Config{Entrypoint: []string{"/" + name}, User: image.User}, layer)
}
