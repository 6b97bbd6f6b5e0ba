// Images puts functions into OCI images, from scratch:
//
//	images [-out NAME] [NAME=PROGRAM[,BUNDLE] ...]
//
// Without arguments these are the programs of bin/ that are functions, with the
// bundles of out/images/models, and the console, which is the tool. An image holds
// the program, the roots of trust for TLS, a user that is not root, and the params
// that a model falls back to. The same content gives the same digest.
//
// Each image becomes an OCI layout, out/images/oci/NAME, and with REGISTRY set, such
// as to registry.example.com/models, it is pushed to REGISTRY/NAME. Over plain HTTP
// that is for this machine, private addresses and *.local only, as Knative reads
// from a registry. out/images/images.json has the reference of each, by digest, and
// out/images/kustomization.yaml, for an overlay, those of what knative/config has.
// out/images/root is what the Dockerfile takes. With -out all of it goes to another
// folder below out/, from the same bundles: what hack/deploy makes for hack/cluster
// leaves alone what is meant for elsewhere.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// local is the registry of hack/cluster, after which images are named that are not
// pushed yet.
const local = "registry.local:5000/modelfn"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv("REGISTRY"), ".", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// run makes the images that the arguments say, below a folder that has bin/ and gets
// out/.
func run(ctx context.Context, args []string, registry, folder string, stdout io.Writer) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	into := flags.String("out", "images", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	functions, err := parse(flags.Args(), folder)
	if err != nil {
		return err
	}
	out, err := newOutput(filepath.Join(folder, "out", *into), cmp.Or(registry, local))
	if err != nil {
		return err
	}
	base, err := out.base()
	if err != nil {
		return err
	}
	var mu sync.Mutex // guards what is written to stdout
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU()) // each holds its program in memory
	for _, f := range functions {
		group.Go(func() error {
			done, err := out.make(ctx, f, base, registry != "")
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(stdout, done)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return out.writeReferences()
}
