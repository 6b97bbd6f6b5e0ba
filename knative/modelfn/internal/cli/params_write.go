package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// edit is what the flags of a command say to write.
type edit struct {
	file      string
	sets      []string // PATH=VALUE
	message   string
	ifVersion versionFlag
	hold      bool
}

func (e *edit) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&e.message, "message", "m", "", "why; it stands in the history")
	cmd.Flags().Var(&e.ifVersion, "if-version", "write only if this version is current")
}

// content adds the flags that say what the params are, one of which is needed.
func (e *edit) content(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&e.file, "file", "f", "", "`file` with all params as JSON; - is the standard input")
	cmd.Flags().StringArrayVar(&e.sets, "set", nil, "`PATH=VALUE` to change, the value as JSON; may be repeated")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if e.file == "" && len(e.sets) == 0 {
			return errors.New("it takes --file or --set")
		}
		return takesModel(0, 0)(cmd, args)
	}
}

// paramsSet is the command for a new version.
func (a *app) paramsSet() *cobra.Command {
	var e edit
	cmd := a.ask(&cobra.Command{
		Use:   "set MODEL (--file FILE | --set PATH=VALUE...)",
		Short: "Write a new version of a model's params",
		Long: `Write a new version of a model's params.

With --file the file has all of them. With --set they are the current ones with some
values changed; if somebody writes another version meanwhile, nothing is written, and
the command shows what changed and who did it. Both together change what is read from
the file.`,
		Example: `  modelfn params set model-a --set 'weights[0]=1.5' --set bias=80 --message 'more bmi'
  modelfn params set model-a --file params.json --if-version 17`,
	}, func(ctx context.Context, c *registry.Client, args []string) error {
		return a.put(ctx, c, args[0], e)
	})
	e.flags(cmd)
	e.content(cmd)
	return cmd
}

// paramsHold is the command for a version that is not current.
func (a *app) paramsHold() *cobra.Command {
	e := edit{hold: true}
	cmd := a.ask(&cobra.Command{
		Use:   "hold MODEL (--file FILE | --set PATH=VALUE...)",
		Short: "Write a version that is not made current",
		Long: `Write a version that is not made current.

It is 'modelfn params set' for params that are to be tried first: only a replica that
is pinned to the version (PARAMS_VERSION) runs it, until it is promoted.`,
		Example: `  modelfn params hold model-a --set bias=80 --message 'to be looked at'
  modelfn params promote model-a 18`,
	}, func(ctx context.Context, c *registry.Client, args []string) error {
		return a.put(ctx, c, args[0], e)
	})
	e.flags(cmd)
	e.content(cmd)
	return cmd
}

// put writes a version as the flags say.
func (a *app) put(ctx context.Context, c *registry.Client, model string, e edit) error {
	base, err := e.base(ctx, c, model)
	if err != nil {
		return err
	}
	content := base.Params
	if e.file != "" {
		if content, err = a.readJSON(e.file); err != nil {
			return err
		}
	}
	if content, err = setAll(content, e.sets); err != nil {
		return err
	}
	d, err := c.Put(ctx, model, registry.Change{Params: content, Message: e.message}, e.options(base))
	return a.written(ctx, c, base, d, err)
}

// base returns the document that a write expects to be current; the zero document
// if it expects none.
func (e *edit) base(ctx context.Context, c *registry.Client, model string) (params.Document, error) {
	if e.ifVersion > 0 {
		return c.Version(ctx, model, int64(e.ifVersion))
	}
	if e.file == "" && len(e.sets) > 0 {
		return c.Current(ctx, model)
	}
	return params.Document{}, nil
}

func (e *edit) options(base params.Document) registry.Options {
	o := registry.Options{Hold: e.hold}
	if base.Version > 0 {
		o.IfMatch = params.ETag(base.Version, base.Digest)
	}
	return o
}

// readJSON reads one JSON value from a file.
func (a *app) readJSON(file string) (jsontext.Value, error) {
	text, err := func() ([]byte, error) {
		if file == "-" {
			return io.ReadAll(a.stdin)
		}
		return os.ReadFile(file)
	}()
	if err != nil {
		return nil, fmt.Errorf("the params: %w", err)
	}
	v := jsontext.Value(bytes.TrimSpace(text))
	if !v.IsValid() {
		return nil, fmt.Errorf("%s is not one JSON value", file)
	}
	return v, nil
}

func (a *app) paramsPatch() *cobra.Command {
	var e edit
	cmd := a.ask(&cobra.Command{
		Use:     "patch MODEL PATCH",
		Short:   "Merge a JSON merge patch (RFC 7396) into a model's params",
		Example: `  modelfn params patch model-a '{"bias":80}'`,
		Args:    takesModel(1, 1),
	}, func(ctx context.Context, c *registry.Client, args []string) error {
		patch := jsontext.Value(args[1])
		if !patch.IsValid() {
			return errors.New("the patch is not one JSON value")
		}
		base, err := e.base(ctx, c, args[0])
		if err != nil {
			return err
		}
		d, err := c.Patch(ctx, args[0], registry.Change{Params: patch, Message: e.message}, e.options(base))
		return a.written(ctx, c, base, d, err)
	})
	e.flags(cmd)
	return cmd
}

func (a *app) paramsPromote() *cobra.Command {
	return a.copyCommand("promote", "Make a held version current, as a copy", (*registry.Client).Promote)
}

func (a *app) paramsRollback() *cobra.Command {
	return a.copyCommand("rollback", "Make an older version current again, as a copy", (*registry.Client).Rollback)
}

// copyCommand is a command that appends a former version again.
func (a *app) copyCommand(name, what string,
	write func(*registry.Client, context.Context, string, int64, string, registry.Options) (params.Document, error),
) *cobra.Command {
	var e edit
	cmd := a.ask(&cobra.Command{
		Use: name + " MODEL VERSION", Short: what, Example: "  modelfn params " + name + " model-a 17",
		Args: func(cmd *cobra.Command, args []string) error {
			err := takesModel(1, 1)(cmd, args)
			if err == nil {
				_, err = version(args[1])
			}
			return err
		},
	}, func(ctx context.Context, c *registry.Client, args []string) error {
		of, _ := version(args[1]) // Args saw that it is one
		base, err := e.base(ctx, c, args[0])
		if err != nil {
			return err
		}
		d, err := write(c, ctx, args[0], of, e.message, e.options(base))
		return a.written(ctx, c, base, d, err)
	})
	e.flags(cmd)
	return cmd
}

// written prints what was written, or explains why it was not.
func (a *app) written(ctx context.Context, c *registry.Client, base, d params.Document, err error) error {
	if other, ok := errors.AsType[*registry.ConflictError](err); ok {
		return a.conflict(ctx, c, base, other.Current)
	}
	if err != nil {
		return err
	}
	return a.print(d, func(w io.Writer) error {
		state := "is current"
		if d.Held {
			state = fmt.Sprintf("is held; 'modelfn params promote %s %d' makes it current", d.Model, d.Version)
		}
		_, err := fmt.Fprintf(w, "%s %s\n", title(d), state)
		return err
	})
}

// conflicted is what is printed of a write that came too late.
type conflicted struct {
	Model    string            `json:"model"`
	Expected int64             `json:"expected"`
	Current  int64             `json:"current"`
	Written  []params.Document `json:"written"` // since then, the newest first
	Changes  []difference      `json:"changes"`
}

// mostTold is how many of the versions are told that came in between.
const mostTold = 10

// conflict explains a write that was not made: who changed what since the version
// that it expected. It returns the error of the command.
func (a *app) conflict(ctx context.Context, c *registry.Client, base, current params.Document) error {
	all, _, err := c.Versions(ctx, current.Model, current.Version+1, mostTold)
	if err != nil {
		return err
	}
	told := conflicted{Model: current.Model, Expected: base.Version, Current: current.Version}
	for _, d := range all {
		if d.Version > base.Version && !d.Held {
			told.Written = append(told.Written, d)
		}
	}
	if told.Changes, err = compare(base, current); err != nil {
		return err
	}
	if a.format == "json" {
		if err := a.print(map[string]conflicted{"conflict": told}, nil); err != nil {
			return err
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "nothing was written: version %d of %s is current, not %d", current.Version, current.Model, base.Version)
	for _, d := range told.Written {
		fmt.Fprintf(&text, "\n  version %d, %s", d.Version, story(d))
	}
	for _, change := range told.Changes {
		fmt.Fprintf(&text, "\n    %s", change)
	}
	return errors.New(text.String())
}
