// Package cli is the command-line tool: one file a command.
//
// [Run] is the whole tool with all that surrounds it handed in, so that tests call
// it in the process. Results go to the standard output, as text or as JSON; what
// happens on the way and errors go to the standard error.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
)

//go:generate go test -run ^TestReference$ . -update

// The exit codes of the tool; 0 is success.
const (
	exitFailed = 1 // it could not do what it was asked to
	exitUsage  = 2 // it was not asked in a way that it understands
)

// Run runs the tool with its arguments and returns the exit code. It stops when
// ctx ends.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, format: "text"}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	addCompletion(root)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return 0
	case a.started:
		fmt.Fprintf(stderr, "modelfn: %v\n", err)
		return exitFailed
	default:
		fmt.Fprintf(stderr, "modelfn: %v\nSee '%s --help'.\n", err, cmd.CommandPath())
		return exitUsage
	}
}

// app is one call of the tool.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	format         format
	started        bool // the arguments are right; an error from here on is a failure
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "modelfn",
		Short: "Train machine-learning models, run them, and ask them for predictions",
		Long: `modelfn runs machine-learning models as functions.

'modelfn run' trains the sample models and serves them on this machine; nothing
else is needed to begin.`,
		Example: `  modelfn run
  modelfn predict model-b '[32.1,101,4.8598]'`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		PersistentPreRun:  func(*cobra.Command, []string) { a.started = true },
	}
	root.PersistentFlags().VarP(&a.format, "output", "o", "how to print results: text or json")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(
		a.runCommand(), a.trainCommand(), a.paramsCommand(), a.predictCommand(), a.manifestCommand(),
		a.deployCommand(), a.statusCommand(), a.logsCommand(), a.trafficCommand(), a.deleteCommand(), a.consoleCommand(),
		a.versionCommand(),
	)
	return root
}

// addCompletion adds the command that cobra has for the completion of shells, which
// writes to the output that is set by then. By itself it takes an unknown shell for a
// call for help.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, _ := root.Find([]string{"completion"})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// format is the value of --output.
type format string

func (f *format) String() string { return string(*f) }

// Type is what the help calls the value.
func (f *format) Type() string { return "format" }

// Set takes the flag's value.
func (f *format) Set(s string) error {
	if s != "text" && s != "json" {
		return fmt.Errorf("it takes text or json")
	}
	*f = format(s)
	return nil
}

// print writes a result: as one line of JSON, or by text.
func (a *app) print(result any, text func(io.Writer) error) error {
	if a.format == "text" {
		return text(a.stdout)
	}
	body, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", body)
	return err
}

// onTerminal reports whether a person sees what is written to w.
func onTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
