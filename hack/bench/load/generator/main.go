//go:build linux

// Command generator makes one load: it reads a [load.Plan] from its standard
// input, and writes the [load.Result] to its standard output, both as gob. It is a
// program of its own so that its scheduler and its memory are not those of the
// benchmark.
package main

import (
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/modelfn/modelfn/hack/bench/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "generator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	var plan load.Plan
	if err := gob.NewDecoder(in).Decode(&plan); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	result, err := load.Run(ctx, plan)
	if err != nil {
		return err
	}
	return gob.NewEncoder(out).Encode(result)
}
