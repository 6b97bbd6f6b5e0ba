package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

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

	mu     sync.Mutex // guards what is printed, and failed
	failed error
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
		Args: takesModel(0, 0),
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

// wants reports whether a pod's log is to be printed, and there may be one.
func (r *logReader) wants(pod *corev1.Pod) bool {
	return (r.revision == "" || pod.Labels[cluster.RevisionLabel] == r.revision) && pod.Status.Phase != corev1.PodPending
}

func (r *logReader) once(ctx context.Context) error {
	pods, err := r.c.Pods(ctx, r.model)
	if err != nil {
		return err
	}
	none := true
	for _, pod := range pods {
		if r.wants(pod) {
			none = false
			r.read(ctx, pod)
		}
	}
	if none {
		fmt.Fprintf(r.a.stderr, "no pod of it runs, and so there is no log; --follow waits for one\n")
	}
	return r.failed
}

// follow reads the log of each pod as it comes, until ctx ends.
func (r *logReader) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	m := r.c.Mirror(cluster.MirrorConfig{Service: r.model, Failed: func(err error) { fmt.Fprintf(r.a.stderr, "%v; it is asked again\n", err) }})
	running.Go(func() { m.Run(ctx) })
	read := map[string]bool{}
	for {
		select {
		case <-m.Changed():
		case <-ctx.Done():
			return nil
		}
		for _, pod := range m.Pods(r.model) {
			if r.wants(pod) && !read[string(pod.UID)] {
				read[string(pod.UID)] = true
				running.Go(func() { r.read(ctx, pod) })
			}
		}
	}
}

// longestLog is how long one line may be.
const longestLog = 1 << 20

// read prints a pod's log.
func (r *logReader) read(ctx context.Context, pod *corev1.Pod) {
	log, err := r.c.Log(ctx, pod, r.options)
	if err == nil {
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, longestLog)
		for err == nil && lines.Scan() {
			err = r.print(pod, lines.Text())
		}
		err = errors.Join(err, lines.Err(), log.Close())
	}
	if err != nil && ctx.Err() == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed = errors.Join(r.failed, fmt.Errorf("the log of %s: %w", pod.Name, err))
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
