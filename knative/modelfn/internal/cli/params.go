package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/local"
	"github.com/modelfn/modelfn/knative/registry"
)

// place is where the params are: the flags of every command that asks for them.
type place struct{ url, token string }

// flags adds the flags to a command.
func (p *place) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.url, "url", "http://"+defaultListen, "`URL` of the gateway, or of the registry")
	cmd.Flags().StringVar(&p.token, "token", "", "token to write with (default: $"+tokenVariable+")")
}

func (p *place) client() (*registry.Client, error) {
	c, err := registry.New(p.url, cmp.Or(p.token, os.Getenv(tokenVariable)))
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	return c, nil
}

// explain says what to do if nothing answers at the place.
func (p *place) explain(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nobodyAt(p.url)
	}
	return err
}

func nobodyAt(url string) error {
	return fmt.Errorf("nothing answers at %s; 'modelfn run' starts the models, --url says where else they are", url)
}

func (a *app) paramsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "params",
		Short: "Look at the params of running models, and change them",
		Long: `Look at the params of running models, and change them.

Each change is a new version in the registry, and reaches every replica of its model
in a moment. Versions never change; the newest that is not held is current.`,
		Example: `  modelfn params list
  modelfn params set model-a --set bias=80.5 --message 'a bit up'
  modelfn params rollback model-a 1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.paramsList(), a.paramsGet(), a.paramsHistory(), a.paramsDiff(), a.paramsExport(), a.paramsWatch(),
		a.paramsSet(), a.paramsHold(), a.paramsPatch(), a.paramsPromote(), a.paramsRollback(),
	)
	return cmd
}

// ask makes a command of one that asks the registry.
func (a *app) ask(cmd *cobra.Command, run func(ctx context.Context, c *registry.Client, args []string) error) *cobra.Command {
	var at place
	at.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		c, err := at.client()
		if err != nil {
			return err
		}
		return at.explain(run(ctx, c, args))
	}
	return cmd
}

// takesModel checks arguments that begin with a model's name, which it brings to its
// form with hyphens; at most more follow it, and at least least.
func takesModel(least, more int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("it takes the name of a model")
		}
		if args[0] = canonical(args[0]); !params.IsName(args[0]) {
			return fmt.Errorf("%q is not the name of a model", args[0])
		}
		if n := len(args) - 1; n < least || n > more {
			return errors.New("it takes other arguments: see its help")
		}
		return nil
	}
}

// versionFlag is a flag's version; 0 if it is not given.
type versionFlag int64

func (f *versionFlag) String() string {
	if *f == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*f), 10)
}

// Type is what the help calls the value.
func (f *versionFlag) Type() string { return "version" }

// Set takes the flag's value.
func (f *versionFlag) Set(text string) error {
	v, err := version(text)
	*f = versionFlag(v)
	return err
}

// version reads a version from an argument.
func version(arg string) (int64, error) {
	v, err := strconv.ParseInt(strings.TrimPrefix(arg, "v"), 10, 64)
	if err != nil || v < 1 {
		return 0, fmt.Errorf("%q is not a version, such as 17", arg)
	}
	return v, nil
}

func (a *app) paramsList() *cobra.Command {
	return a.ask(&cobra.Command{
		Use: "list", Short: "List the current version of every model", Args: cobra.NoArgs,
	}, func(ctx context.Context, c *registry.Client, _ []string) error {
		all, err := c.List(ctx)
		if err != nil {
			return err
		}
		return a.printDocuments(slices.SortedFunc(maps.Values(all), func(x, y params.Document) int { return strings.Compare(x.Model, y.Model) }))
	})
}

func (a *app) paramsGet() *cobra.Command {
	var at versionFlag
	cmd := a.ask(&cobra.Command{
		Use: "get MODEL", Short: "Show the params of a model", Args: takesModel(0, 0),
	}, func(ctx context.Context, c *registry.Client, args []string) error {
		d, err := document(ctx, c, args[0], int64(at))
		if err != nil {
			return err
		}
		return a.print(d, func(w io.Writer) error { return printDocument(w, d) })
	})
	cmd.Flags().Var(&at, "version", "the version to show (default: the current one)")
	return cmd
}

// document returns a version of a model, the current one for 0.
func document(ctx context.Context, c *registry.Client, model string, version int64) (params.Document, error) {
	if version == 0 {
		return c.Current(ctx, model)
	}
	return c.Version(ctx, model, version)
}

func (a *app) paramsHistory() *cobra.Command {
	var limit int
	cmd := a.ask(&cobra.Command{
		Use: "history MODEL", Short: "List the versions of a model, the newest first",
		Args: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return errors.New("--limit takes a number from 1 on")
			}
			return takesModel(0, 0)(cmd, args)
		},
	}, func(ctx context.Context, c *registry.Client, args []string) error {
		var all []params.Document
		for before := int64(0); len(all) < limit; {
			page, next, err := c.Versions(ctx, args[0], before, min(limit-len(all), mostPage))
			if err != nil {
				return err
			}
			all = append(all, page...)
			if before = next; next == 0 {
				break
			}
		}
		return a.printDocuments(all)
	})
	cmd.Flags().IntVar(&limit, "limit", 20, "how many versions to list")
	return cmd
}

// mostPage is how many versions the registry gives at once.
const mostPage = 100

func (a *app) paramsExport() *cobra.Command {
	var at versionFlag
	var out string
	cmd := a.ask(&cobra.Command{
		Use:   "export MODEL",
		Short: "Write a bundle: the params of a model, and those of the components that it requires",
		Long: `Write a bundle: the params of a model, and those of the components that it requires.

A function serves a bundle without a registry, or falls back on it: PARAMS_PATH names
the file. Without --out it is printed.`,
		Example: `  modelfn params export model-a --out model-a.json
  PARAMS_PATH=model-a.json bin/model-a`,
		Args: takesModel(0, 0),
	}, func(ctx context.Context, c *registry.Client, args []string) error {
		d, err := document(ctx, c, args[0], int64(at))
		if err != nil {
			return err
		}
		bundle, err := c.Set(ctx, d)
		if err != nil {
			return err
		}
		if out == "" {
			text, err := bundle.Encode()
			if err == nil {
				_, err = a.stdout.Write(text)
			}
			return err
		}
		if err := local.WriteBundle(out, bundle); err != nil {
			return fmt.Errorf("writing the bundle: %w", err)
		}
		done := exported{d.Model, d.Version, d.Digest, out}
		return a.print(done, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s holds %s\n", out, title(d))
			return err
		})
	})
	cmd.Flags().Var(&at, "version", "the version to export (default: the current one)")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write")
	return cmd
}

// exported is what the export prints.
type exported struct {
	Model   string `json:"model"`
	Version int64  `json:"version"`
	Digest  string `json:"digest"`
	File    string `json:"file"`
}

// title names a document in one line.
func title(d params.Document) string {
	return fmt.Sprintf("%s version %d (%s)", d.Model, d.Version, short(d.Digest))
}

// story tells who wrote a document, when and why.
func story(d params.Document) string {
	text := "by " + cmp.Or(d.Author, "unknown") + " at " + d.Created.Local().Format(time.DateTime)
	if d.Message != "" {
		text += ": " + d.Message
	}
	if d.Held {
		text = "held, " + text
	}
	return text
}

func printDocument(w io.Writer, d params.Document) error {
	text := title(d) + ", " + story(d) + "\n"
	for _, name := range d.RequiredNames() {
		text += fmt.Sprintf("requires %s version %d (%s)\n", name, d.Requires[name].Version, short(d.Requires[name].Digest))
	}
	content := d.Params.Clone()
	if err := content.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", text, content)
	return err
}

func (a *app) printDocuments(list []params.Document) error {
	if list == nil {
		list = []params.Document{}
	}
	return a.print(list, func(w io.Writer) error {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "MODEL\tVERSION\tDIGEST\tREQUIRES\tWRITTEN")
		for _, d := range list {
			var requires []string
			for _, name := range d.RequiredNames() {
				requires = append(requires, fmt.Sprintf("%s=%d", name, d.Requires[name].Version))
			}
			_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", d.Model, d.Version, short(d.Digest), cmp.Or(strings.Join(requires, ","), "-"), story(d))
		}
		return table.Flush() // it tells of an error in any of these
	})
}
