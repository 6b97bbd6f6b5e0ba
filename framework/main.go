package framework

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/program"
)

// Main is the main function of a program that serves a model. It serves until
// SIGTERM or SIGINT, then drains, and exits: with 0 after a clean end, with 1 if
// it could not start or had to cut off requests, with 2 for a wrong flag.
//
// Garbage is collected when there is twice as much of it as of what is in use, not
// as much as Go would: a prediction's memory is small, and short-lived. GOGC and
// GOMEMLIMIT have the last word.
//
//	--describe   print the model's signature and the schema of its params as JSON
//	--version    print the program's version
func Main(f Function, opts ...Option) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	program.Main(programOf(f, os.Getenv, os.Stderr, opts))
}

// Run is [Main] with all that surrounds a program handed in; it ends with ctx, and
// returns the exit code.
func Run(ctx context.Context, f Function, args []string, getenv func(string) string, stdout, stderr io.Writer, opts ...Option) int {
	return programOf(f, getenv, stderr, opts).Run(ctx, args, stdout, stderr)
}

func programOf(f Function, getenv func(string) string, stderr io.Writer, opts []Option) program.Program {
	return program.Program{
		Name: f.name(),
		Serve: func(ctx context.Context) error {
			replica, err := ReplicaFrom(getenv, f, stderr, opts...)
			if err != nil {
				return err
			}
			return replica.serve(ctx)
		},
		Prints: []program.Print{{
			Flag: "describe", About: "print the model's signature and the schema of its params as JSON",
			Write: func(w io.Writer) error { return printDescription(f, collect(opts).names(), w) },
		}},
	}
}

func printDescription(f Function, components []string, w io.Writer) error {
	d, err := f.Describe()
	if err != nil {
		return err
	}
	d.Components = components
	if err := json.MarshalWrite(w, d, jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w)
	return err
}
