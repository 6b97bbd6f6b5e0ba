package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/functions/training"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/function"
	"github.com/modelfn/modelfn/knative/local"
	"github.com/modelfn/modelfn/samples"
)

const (
	defaultListen = "127.0.0.1:8080"
	defaultFolder = ".modelfn"
	exampleModel  = "model-b"
	exampleInput  = "[32.1,101,4.8598]" // of the first patient
	mostReplicas  = 100
	tokenVariable = "MODELFN_TOKEN"
)

// sampleModels are the models that the local run serves.
func sampleModels() (names []string) {
	for _, q := range training.Quantiles {
		names = append(names, q.Model)
	}
	return names
}

// serving is what the run prints when it answers.
type serving struct {
	URL    string   `json:"url"`
	Models []string `json:"models"`
	Data   string   `json:"data"`
}

func (a *app) runCommand() *cobra.Command {
	var cfg local.Config
	var which chosen
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the models on this machine, behind one address",
		Long: `Run the models on this machine, behind one address.

Each model is a program of its own, or several of them, and so is the registry that
holds the models' params. A program that ends is started again. Ctrl-C ends everything
in order; pressed again, it does not wait.

The models are those of the function.yaml files that -f names, or else the samples.
A component of theirs runs within them, or as a program of its own if the files say
so. The first time, the params that the files name are published; the samples are
trained on the sample data.

New params (see 'modelfn params') reach every replica in a moment, by events as on
Knative and by each replica's own watch. None is restarted, and no request fails.

The data folder holds the params (registry/), the logs (logs/), and what the models
fall back on if the registry is away when they start (bundles/).

Without --tokens everybody may write params, so only this machine may reach the
address. A line of the token file is a name and the SHA-256 of a token:
  alice sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
		Example: `  modelfn run
  modelfn run --replicas 4 --network component-d
  modelfn run -f samples/own-model
  modelfn run --listen 127.0.0.1:0 --data /tmp/modelfn -o json
  MODELFN_TOKEN=… modelfn run --listen 0.0.0.0:8080 --tokens tokens.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cfg.Replicas < 1 || cfg.Replicas > mostReplicas {
				return fmt.Errorf("--replicas takes a number from 1 to %d", mostReplicas)
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd.Context(), cfg, &which) },
	}
	cmd.Flags().StringVar(&cfg.Listen, "listen", defaultListen, "address to serve on, `host:port`; port 0 takes a free one")
	cmd.Flags().IntVar(&cfg.Replicas, "replicas", 1, "how many processes each model has")
	cmd.Flags().StringSliceVar(&cfg.Network, "network", nil, "`components` that run as programs of their own, whatever the files say")
	cmd.Flags().StringVar(&cfg.Folder, "data", defaultFolder, "`folder` for params and logs")
	cmd.Flags().StringVar(&cfg.Tokens, "tokens", "", "`file` of those who may write params")
	cmd.Flags().StringVar(&cfg.Token, "token", "", "token to publish the first params with (default: $MODELFN_TOKEN)")
	which.flags(cmd)
	return cmd
}

func (a *app) run(ctx context.Context, cfg local.Config, which *chosen) (err error) {
	ctx, hurry, stop := a.signals(ctx)
	defer stop()
	if cfg.Programs, err = which.folder(); err != nil {
		return err
	}
	if cfg.Functions, err = which.specs(); err != nil {
		return err
	}
	var run *local.Run
	printed := make(chan error, 1)
	cfg.Registry = true
	cfg.Token = cmp.Or(cfg.Token, os.Getenv(tokenVariable))
	cfg.Notices = a.stderr
	cfg.Console = console.Config{Datasets: map[string][]byte{"diabetes": samples.Diabetes}}
	if len(which.files) == 0 {
		cfg.Console.Example = exampleInput
	}
	cfg.Ready = func() { printed <- a.printServing(serving{URL: run.URL(), Models: run.Models(), Data: cfg.Folder}) }
	run, err = local.Open(cfg)
	if errors.Is(err, local.ErrNoProgram) {
		return fmt.Errorf("%w (build the programs with 'make build', or name their folder with --bin)", err)
	}
	if err != nil {
		return err
	}
	defer run.Close()
	if err := a.begin(ctx, cfg.Functions, run.Bundles()); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if err := run.Serve(ctx, hurry); err != nil {
		return err
	}
	select {
	case err := <-printed:
		return err
	default: // it was ended before it served
		return nil
	}
}

// signals returns a context that ends at the first signal to end, and a channel
// that is closed at the second.
func (a *app) signals(ctx context.Context) (context.Context, <-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(ctx)
	arrived := make(chan os.Signal, 2)
	signal.Notify(arrived, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	hurry, done := make(chan struct{}), make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for _, act := range []func(){cancel, func() { close(hurry) }} {
			select {
			case s := <-arrived:
				fmt.Fprintf(a.stderr, "%v: ending\n", s)
				act()
			case <-done:
				return
			}
		}
	})
	return ctx, hurry, func() {
		signal.Stop(arrived)
		close(done)
		watch.Wait()
		cancel()
	}
}

// ownFolder is the folder that this program lies in.
func ownFolder() (string, error) {
	path, err := os.Executable()
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", fmt.Errorf("where is this program? %w", err)
	}
	return filepath.Dir(path), nil
}

// begin sees that the functions have params to begin with: those that their files
// name, and for the samples those that training gives.
func (a *app) begin(ctx context.Context, specs []function.Spec, folder string) error {
	path := func(spec function.Spec) string { return filepath.Join(folder, spec.Name+".json") }
	train := false
	var given []function.Spec
	for _, spec := range specs {
		switch _, err := os.Stat(path(spec)); {
		case !errors.Is(err, fs.ErrNotExist):
		case spec.BundlePath() != "":
			given = append(given, spec)
		default:
			train = train || slices.Contains(sampleModels(), spec.Name)
		}
	}
	if train {
		fmt.Fprintf(a.stderr, "First start: training the models on the sample data, into %s\n", folder)
		if _, _, err := a.trainTo(ctx, "", folder); err != nil {
			return err
		}
	}
	for _, spec := range given {
		if err := copyBundle(spec.BundlePath(), path(spec), spec.Name); err != nil {
			return fmt.Errorf("the params of %s to begin with: %w", spec.Name, err)
		}
	}
	return nil
}

// copyBundle copies the bundle of a function, if it is one.
func copyBundle(from, to, name string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	bundle, err := params.ParseBundle(text)
	if err == nil {
		_, err = bundle.Set(name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return local.WriteBundle(to, bundle)
}

func (a *app) printServing(s serving) error {
	return a.print(s, func(w io.Writer) error {
		where := ""
		if s.URL != "http://"+defaultListen {
			where = " --url " + s.URL
		}
		hint := fmt.Sprintf("modelfn predict %s INPUT%s", s.Models[0], where)
		if slices.Contains(s.Models, exampleModel) {
			hint = fmt.Sprintf("%s\n  modelfn params set %s --set bias=160%s", console.Curl(s.URL, exampleModel, exampleInput), exampleModel, where)
		}
		_, err := fmt.Fprintf(w, "Serving %s on %s\n\n  %s\n\nCtrl-C ends it.\n", strings.Join(s.Models, ", "), s.URL, hint)
		return err
	})
}
