//go:build linux

// Command bench measures what the project claims, on this machine and in one run:
// each figure stands beside that of a baseline which is measured in turn with it.
//
//	go run ./hack/bench [flags] [name …]
//
// Without a name it runs every benchmark that needs no cluster; -h lists them. Everything runs in
// processes of its own on 127.0.0.1, and ends with this one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// benchmark is one measurement that can be asked for by its name.
type benchmark struct {
	name, about string
	run         func(context.Context, *session) (report, error)
	cluster     bool // it needs the Knative cluster, and runs only if it is asked for
}

// report is what a benchmark found. As JSON it has all the figures.
type report interface {
	print(w io.Writer) error // for people
	missed() []string        // the figures that do not keep to their bars, with these
}

var benchmarks = []benchmark{
	{"serving", "a model function beside a bare net/http handler and functions-framework-go", serving, false},
	{"swap", "how soon new params answer, of ten replicas under load", swap, false},
	{"reload", "the latency of predictions while new params are applied", reload, false},
	{"watchers", "how soon a thousand replicas have new params", watchers, false},
	{"live", "how soon the page shows that replicas have what was saved, and long lists", live, false},
	{"page", "how fast the page loads in Chromium, what it weighs, and how it behaves with a lot in it", page, false},
	{"cluster-up", "how soon the cluster is up when all of it is built; not on its node, and it ends what is there", clusterUp, true},
	{"cold-start", "on the cluster: a request to a model function at zero beside one to a bare hello", coldStart, true},
	{"pods", "on the cluster: how soon three pods answer from new params", pods, true},
}

// session is what all benchmarks of one run share.
type session struct {
	root     string // of the module
	dir      string // for what is built and written; removed at the end
	rounds   int
	duration time.Duration
	quick    bool   // only to see that everything works
	strict   bool   // a bar that is not kept is an error
	other    string // another build of the model function, "" for none
	progress *progress
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s := &session{progress: newProgress(stderr)}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&s.rounds, "rounds", 5, "how often each program is measured, all of them in turn")
	flags.DurationVar(&s.duration, "duration", 3*time.Second, "how long a load is measured in a round; the highest one thrice as long")
	flags.StringVar(&s.other, "other", "", "serving: measure this program too, another build of the model function")
	flags.BoolVar(&s.quick, "quick", false, "one short round, to see that everything works: its figures mean nothing")
	flags.BoolVar(&s.strict, "strict", false, "fail if a figure does not keep to its bar")
	format := flags.String("o", "text", "text or json")
	flags.Usage = func() {
		fmt.Fprint(stderr, "Usage: bench [flags] [name …]\n\nBenchmarks:\n")
		for _, b := range benchmarks {
			fmt.Fprintf(stderr, "  %-10s %s\n", b.name, b.about)
		}
		fmt.Fprint(stderr, "\nFlags:\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if s.quick {
		s.rounds, s.duration = 1, 100*time.Millisecond
	}
	chosen, err := choose(flags.Args())
	switch {
	case err != nil:
		return err
	case *format != "text" && *format != "json":
		return fmt.Errorf("-o %q is not text or json", *format)
	case s.rounds < 1 || s.duration < 10*time.Millisecond:
		return errors.New("there has to be a round, and 10ms to measure in")
	}
	return s.run(ctx, chosen, *format == "json", stdout)
}

// choose returns the benchmarks with these names; if there are none, all that need
// no cluster.
func choose(names []string) ([]benchmark, error) {
	var chosen []benchmark
	if len(names) == 0 {
		for _, b := range benchmarks {
			if !b.cluster {
				chosen = append(chosen, b)
			}
		}
		return chosen, nil
	}
	for _, name := range names {
		found := false
		for _, b := range benchmarks {
			if b.name == name {
				chosen, found = append(chosen, b), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no benchmark %q; -h lists them", name)
		}
	}
	return chosen, nil
}

func (s *session) run(ctx context.Context, chosen []benchmark, asJSON bool, stdout io.Writer) (err error) {
	if s.root, err = moduleRoot(ctx); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "modelfn-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	here := thisMachine()
	reports := map[string]report{}
	var missed []error
	for i, b := range chosen {
		r, err := b.run(ctx, s)
		s.progress.clear()
		if ctx.Err() != nil {
			return errors.New("interrupted") // whatever that broke
		}
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		reports[b.name] = r
		if s.strict {
			for _, figure := range r.missed() {
				missed = append(missed, fmt.Errorf("%s: %s", b.name, figure))
			}
		}
		if asJSON {
			continue
		}
		if i == 0 {
			fmt.Fprintln(stdout, here)
		}
		fmt.Fprintf(stdout, "\n%s: %s\n", b.name, b.about)
		if err := r.print(stdout); err != nil {
			return err
		}
	}
	if asJSON {
		err = json.MarshalWrite(stdout, struct {
			Machine machine           `json:"machine"`
			Benches map[string]report `json:"benchmarks"`
		}{here, reports}, json.Deterministic(true), jsontext.WithIndent("  "))
	}
	return errors.Join(append(missed, err)...)
}

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/modelfn/modelfn").Output()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
