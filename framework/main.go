package framework

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(Run(ctx, f, os.Args[1:], os.Getenv, os.Stdout, os.Stderr, opts...))
}

// Run is [Main] with all that surrounds a program handed in; it ends with ctx, and
// returns the exit code.
func Run(ctx context.Context, f Function, args []string, getenv func(string) string, stdout, stderr io.Writer, opts ...Option) int {
	flags := flag.NewFlagSet(f.name(), flag.ContinueOnError)
	flags.SetOutput(stderr)
	describe := flags.Bool("describe", false, "print the model's signature and the schema of its params as JSON")
	version := flags.Bool("version", false, "print the program's version")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "%s: it takes no arguments, only environment variables\n", f.name())
		return 2
	}
	var err error
	switch {
	case *describe:
		err = printDescription(f, stdout)
	case *version:
		_, err = fmt.Fprintln(stdout, f.name(), buildVersion())
	default:
		err = runReplica(ctx, f, getenv, stderr, opts)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", f.name(), err)
		return 1
	}
	return 0
}

func runReplica(ctx context.Context, f Function, getenv func(string) string, stderr io.Writer, opts []Option) error {
	replica, err := ReplicaFrom(getenv, f, stderr, opts...)
	if err != nil {
		return err
	}
	return replica.serve(ctx)
}

func printDescription(f Function, w io.Writer) error {
	d, err := f.Describe()
	if err != nil {
		return err
	}
	if err := json.MarshalWrite(w, d, jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w)
	return err
}

// buildVersion is the version of the module that the program was built from.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
