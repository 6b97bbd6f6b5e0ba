package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
)

// logLine is one line of a pod's log.
type logLine struct {
	Pod  string `json:"pod"`
	Line string `json:"line"`
}

// logReader prints the logs of a model's pods.
type logReader struct {
	a        *app
	c        *cluster.Cluster
	model    string
	revision string // "" for all
	options  cluster.LogOptions

	mu sync.Mutex // guards what is printed
}

func (a *app) logsCommand() *cobra.Command {
	var r logReader
	cmd := a.inCluster(&cobra.Command{
		Use:   "logs MODEL",
		Short: "Print the logs of a model's pods",
		Long: `Print the logs of a model's pods, each line with its pod. With --follow those that
come later too, also from zero. What a pod wrote is gone with it.`,
		Example: `  modelfn logs model-a --follow
  modelfn logs model-a --revision 2`,
		Args: func(cmd *cobra.Command, args []string) error {
			if r.options.Tail < 0 {
				return fmt.Errorf("--tail is %d: it has to be 0, for all lines, or more", r.options.Tail)
			}
			return takesModel(0, 0)(cmd, args)
		},
	}, func(ctx context.Context, c *cluster.Cluster, args []string) error {
		r.a, r.c, r.model = a, c, args[0]
		var number int
		if n, _ := fmt.Sscanf(r.revision, "%d", &number); n == 1 && fmt.Sprint(number) == r.revision {
			r.revision = fmt.Sprintf("%s-%05d", r.model, number)
		}
		if _, err := c.Service(ctx, r.model); err != nil {
			if cluster.Missing(err) {
				return fmt.Errorf("there is no model %s in the namespace %s", r.model, c.Namespace())
			}
			return err
		}
		if err := r.known(ctx); err != nil {
			return err
		}
		if r.options.Follow {
			return r.follow(ctx)
		}
		return r.once(ctx)
	})
	cmd.Flags().StringVar(&r.revision, "revision", "", "only the pods of this `revision`, a name or a number")
	cmd.Flags().BoolVar(&r.options.Follow, "follow", false, "go on with what is written from now on")
	cmd.Flags().Int64Var(&r.options.Tail, "tail", 0, "only this many of each pod's last lines")
	return cmd
}

// known refuses a revision that the model does not have: nothing would ever come of it.
func (r *logReader) known(ctx context.Context) error {
	if r.revision == "" {
		return nil
	}
	revisions, err := r.c.Revisions(ctx, r.model)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(revisions, func(of *servingv1.Revision) bool { return of.Name == r.revision }) {
		return fmt.Errorf("%s: %s is none of its revisions", r.model, r.revision)
	}
	return nil
}

// wants reports whether a pod is of the revision that is asked for.
func (r *logReader) wants(pod *corev1.Pod) bool {
	return r.revision == "" || pod.Labels[cluster.RevisionLabel] == r.revision
}

func (r *logReader) once(ctx context.Context) error {
	pods, err := r.c.Pods(ctx, r.model)
	if err != nil {
		return err
	}
	none := true
	for _, pod := range pods {
		if run, _ := cluster.ProgramRun(pod); run != "" && r.wants(pod) {
			none = false
			err = errors.Join(err, r.read(ctx, pod, r.options, nil))
		}
	}
	if none {
		r.say("no pod of it runs, and so there is no log; --follow waits for one")
	}
	return err
}

// follow reads the log of each pod as it comes, until ctx ends.
func (r *logReader) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	m := r.c.Mirror(cluster.MirrorConfig{Service: r.model, Failed: func(err error) { r.say("%v; it is asked again", err) }})
	running.Go(func() { m.Run(ctx) })
	known := map[types.UID]bool{}
	for {
		select {
		case <-m.Changed():
		case <-ctx.Done():
			return nil
		}
		for _, pod := range m.Pods(r.model) {
			if r.wants(pod) && !known[pod.UID] {
				known[pod.UID] = true
				running.Go(func() { r.followPod(ctx, m, pod) })
			}
		}
	}
}

// lookAgain is how long after its log ended a pod is looked at again: it may have
// started its program anew, or the API may have broken off.
const lookAgain = 500 * time.Millisecond

// followPod reads the log of a pod until that is gone, each line once.
func (r *logReader) followPod(ctx context.Context, m *cluster.Mirror, pod *corev1.Pod) {
	o := r.options
	o.Times = true
	var last time.Time // of the lines that were printed
	finished, told := "", ""
	for pod != nil {
		if run, runs := cluster.ProgramRun(pod); run != "" && (runs || run != finished) {
			o.Since = last
			err := r.read(ctx, pod, o, &last)
			if err == nil {
				finished = run
			} else if text := err.Error(); text != told && ctx.Err() == nil && !cluster.Missing(err) {
				told = text
				r.say("%s; it is asked again", text)
			}
			if !last.IsZero() {
				o.Tail = 0 // it was for what there was before
			}
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return
		}
		all := m.Pods(r.model)
		i := slices.IndexFunc(all, func(p *corev1.Pod) bool { return p.UID == pod.UID })
		if i < 0 {
			return
		}
		pod = all[i]
	}
}

// longestLine is how much of a line is printed as one.
const longestLine = 1 << 20

// read prints a pod's log. With last the lines have their times, and it prints those
// after it, and sets it.
func (r *logReader) read(ctx context.Context, pod *corev1.Pod, o cluster.LogOptions, last *time.Time) error {
	log, err := r.c.Log(ctx, pod, o)
	if err != nil {
		return fmt.Errorf("the log of %s: %w", pod.Name, err)
	}
	defer log.Close()
	lines := bufio.NewReaderSize(log, longestLine)
	for whole := true; ; {
		text, more, err := lines.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the log of %s: %w", pod.Name, err)
		}
		line := string(text)
		if last != nil && whole {
			stamp, rest, _ := strings.Cut(line, " ")
			at, err := time.Parse(time.RFC3339Nano, stamp)
			if err == nil && !at.After(*last) {
				continue
			}
			if err == nil {
				*last, line = at, rest
			}
		}
		whole = !more
		if err := r.print(pod, line); err != nil {
			return err
		}
	}
}

func (r *logReader) print(pod *corev1.Pod, line string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.a.print(logLine{Pod: pod.Name, Line: line}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s  %s\n", strings.Replace(pod.Name, "-deployment-", " ", 1), line)
		return err
	})
}

// say tells a person what is not of a log.
func (r *logReader) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(r.a.stderr, format+"\n", args...)
}
