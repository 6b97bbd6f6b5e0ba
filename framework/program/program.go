// Package program is what surrounds each function's program: its arguments, the
// signals that end it, and its exit code.
package program

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
)

// Program is a function's program. All its settings come from the environment; its
// flags only have it print something instead of serving.
type Program struct {
	Name string

	// Serve serves until ctx ends, and returns nil after a clean end.
	Serve func(ctx context.Context) error

	// Prints are the flags beside --version; nil for none.
	Prints []Print
}

// Print is a flag that has a program print something.
type Print struct {
	Flag, About string
	Write       func(io.Writer) error
}

// Main runs a program until SIGTERM or SIGINT, and exits with what [Program.Run]
// returns.
func Main(p Program) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(p.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Run runs a program with all that surrounds it handed in. It returns the exit code:
// 0 after a clean end, 1 if the program could not start or had to cut off requests, 2
// for arguments that it does not take.
func (p Program) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	prints := append(p.Prints[:len(p.Prints):len(p.Prints)], Print{"version", "print the program's version", p.version})
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	chosen := make([]bool, len(prints))
	for i, one := range prints {
		flags.BoolVar(&chosen[i], one.Flag, false, one.About)
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "%s: it takes no arguments, only environment variables\n", p.Name)
		return 2
	}
	do := func() error { return p.Serve(ctx) }
	for i, one := range prints {
		if chosen[i] {
			do = func() error { return one.Write(stdout) }
			break
		}
	}
	if err := do(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		return 1
	}
	return 0
}

// version prints the version of the module that the program was built from.
func (p Program) version(w io.Writer) error {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	_, err := fmt.Fprintln(w, p.Name, version)
	return err
}
