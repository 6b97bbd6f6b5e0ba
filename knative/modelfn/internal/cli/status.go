package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/deploy"
	"github.com/modelfn/modelfn/knative/discovery"
	"github.com/modelfn/modelfn/knative/traffic"
)

// modelStatus is what is printed of a model.
type modelStatus struct {
	Model     string           `json:"model"`
	State     console.State    `json:"state"`
	Reason    string           `json:"reason,omitzero"`  // why it is not ready
	URL       string           `json:"url,omitzero"`     // within the cluster
	Revisions []revisionStatus `json:"revisions"`        // the newest first
	LeftOut   int              `json:"leftOut,omitzero"` // revisions besides, without traffic, tag and pods
}

// revisionStatus is what is printed of a revision.
type revisionStatus struct {
	console.Revision

	// Serves is the version of the params that one of the pods has in use; 0 if none
	// runs, or it did not say.
	Serves int64 `json:"serves,omitzero"`
}

func (a *app) statusCommand() *cobra.Command {
	return a.inCluster(&cobra.Command{
		Use:   "status [MODEL]",
		Short: "Show the models of a cluster: revisions, traffic, params, and what is wrong",
		Args:  mayTakeModel,
	}, func(ctx context.Context, c *cluster.Cluster, args []string) error {
		all, err := discovery.Look(ctx, c)
		if err != nil {
			return err
		}
		list := []modelStatus{}
		for _, name := range slices.Sorted(maps.Keys(all.Models)) {
			if len(args) == 0 || args[0] == name {
				list = append(list, statusOf(ctx, c, name, all.Models[name]))
			}
		}
		if len(args) > 0 && len(list) == 0 {
			return fmt.Errorf("there is no model %s in the namespace %s", args[0], c.Namespace())
		}
		return a.print(list, func(w io.Writer) error { return printStatus(w, c.Namespace(), list) })
	})
}

// mayTakeModel takes a model's name or nothing.
func mayTakeModel(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return takesModel(0, 0)(cmd, args)
}

func statusOf(ctx context.Context, c *cluster.Cluster, name string, m *console.Model) modelStatus {
	s := modelStatus{Model: name, State: m.State, Reason: m.Reason, Revisions: []revisionStatus{}, LeftOut: m.LeftOut}
	if len(m.Instances) > 0 {
		s.URL = m.Instances[0].String()
		if s.State == "" {
			s.State = console.StateReady
		}
	}
	for _, r := range m.Revisions {
		s.Revisions = append(s.Revisions, revisionStatus{Revision: r})
	}
	askPods(ctx, c, name, s.Revisions)
	if len(s.Revisions) > 0 && s.Reason != "" {
		s.Reason = s.Revisions[0].Reason // it is that of the newest
	}
	return s
}

// askTimeout bounds what the pods of a model take to say how they are.
const askTimeout = 2 * time.Second

// askPods asks a pod of each revision which version of the params it has in use, or why it
// is not ready. What it does not say stays open.
func askPods(ctx context.Context, c *cluster.Cluster, service string, list []revisionStatus) {
	if !slices.ContainsFunc(list, func(r revisionStatus) bool { return r.Pods > 0 }) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	pods, err := c.Pods(ctx, service)
	if err != nil {
		return
	}
	revisions, err := c.Revisions(ctx, service)
	if err != nil {
		return
	}
	for i := range list {
		if r := &list[i]; r.Ready {
			r.Serves = serves(ctx, c, r.Name, pods)
		} else if j := slices.IndexFunc(revisions, func(one *servingv1.Revision) bool { return one.Name == r.Name }); j >= 0 {
			if pod := cluster.Diagnose(revisions[j], pods).Unready; pod != nil {
				r.Reason = cmp.Or(c.Why(ctx, revisions[j], pod), r.Reason)
			}
		}
	}
}

// serves asks a pod of a revision which version of the params it has in use.
func serves(ctx context.Context, c *cluster.Cluster, revision string, pods []*corev1.Pod) int64 {
	for _, pod := range pods {
		var in struct {
			Version int64 `json:"version"`
		}
		if pod.Labels[cluster.RevisionLabel] != revision || pod.DeletionTimestamp != nil {
			continue
		}
		if _, answer, err := c.Ask(ctx, pod.Name, 8080, "/params"); err == nil && json.Unmarshal(answer, &in) == nil {
			return in.Version
		}
	}
	return 0
}

func printStatus(w io.Writer, namespace string, list []modelStatus) error {
	if len(list) == 0 {
		_, err := fmt.Fprintf(w, "There are no models in the namespace %s; 'modelfn deploy' brings them.\n", namespace)
		return err
	}
	err := printRows(w, "MODEL\tSTATE\tREVISION\tREADY\tTRAFFIC\tTAGS\tPARAMS\tPODS\tAGE", func(row func(...any)) {
		for _, m := range list {
			if len(m.Revisions) == 0 {
				row(m.Model, m.State, "-", "-", "-", "-", "-", "-", "-")
			}
			for i, r := range m.Revisions {
				name, state := m.Model, string(m.State)
				if i > 0 {
					name, state = "", ""
				}
				row(name, state, r.Name, map[bool]string{true: "yes", false: "no"}[r.Ready], fmt.Sprintf("%d %%", r.Percent),
					orDash(strings.Join(r.Tags, ",")), r.params(), r.Pods, time.Since(r.Created).Round(time.Second))
			}
		}
	})
	for _, m := range list {
		if m.LeftOut > 0 {
			_, err = fmt.Fprintf(w, "\n%s has %d more revisions, without traffic, tag and pods.\n", m.Model, m.LeftOut)
		}
		for _, r := range m.Revisions {
			if r.Reason != "" {
				_, err = fmt.Fprintf(w, "\n%s: %s\n", r.Name, r.Reason)
			}
		}
	}
	return err
}

// params says which version a revision has, or follows.
func (r *revisionStatus) params() string {
	switch {
	case r.ParamsVersion > 0:
		return fmt.Sprintf("%d, pinned", r.ParamsVersion)
	case r.Serves > 0:
		return fmt.Sprint(r.Serves)
	}
	return "current"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printRows prints a table, the rows of which rows gives.
func printRows(w io.Writer, header string, rows func(row func(...any))) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, header)
	rows(func(cells ...any) {
		for i, cell := range cells {
			if i > 0 {
				_, _ = io.WriteString(table, "\t")
			}
			_, _ = fmt.Fprint(table, cell)
		}
		_, _ = io.WriteString(table, "\n")
	})
	return table.Flush() // or an error before it
}

// who is the person at this machine, "" if it has no name for them.
func who() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

func (a *app) trafficCommand() *cobra.Command {
	var change traffic.Change
	cmd := a.inCluster(&cobra.Command{
		Use:   "traffic MODEL [REVISION=PERCENT...]",
		Short: "Show how a model's traffic is divided among its revisions, or change it",
		Long: `Show how a model's traffic is divided among its revisions, or change it.

The percents are the whole traffic: they add up to 100, and a revision that is not
named gets nothing. A revision is given by its name, its number, one of its tags, or
as @latest, which is the newest that is ready now. Tags stay unless they are named;
each is an address of its own. One that is put on @latest follows the newest.

The Service keeps with the traffic who set it, by the name of the login here; the
console's page shows that to everybody who sees it.`,
		Example: `  modelfn traffic model-a
  modelfn traffic model-a 1=90 candidate=10
  modelfn traffic model-a --tag blue=1 --untag green`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := takesModel(0, 100)(cmd, args); err != nil {
				return err
			}
			var err error
			change.Percents, err = percents(args[1:])
			return err
		},
	}, func(ctx context.Context, c *cluster.Cluster, args []string) error {
		split, err := deploy.Traffic(ctx, c, args[0], change, who())
		if err != nil {
			return err
		}
		return a.print(split, func(w io.Writer) error {
			return printRows(w, "REVISION\tTRAFFIC\tTAGS", func(row func(...any)) {
				for _, share := range split {
					row(share.Revision, fmt.Sprintf("%d %%", share.Percent), orDash(strings.Join(share.Tags, ",")))
				}
			})
		})
	})
	cmd.Flags().StringToStringVar(&change.Tags, "tag", nil, "`TAG=REVISION` to set or move; may be repeated")
	cmd.Flags().StringSliceVar(&change.Untag, "untag", nil, "`tag` to take away; may be repeated")
	return cmd
}

// percents reads REVISION=PERCENT arguments.
func percents(args []string) (map[string]int, error) {
	var all map[string]int
	for _, arg := range args {
		revision, text, ok := strings.Cut(arg, "=")
		var percent int
		if _, err := fmt.Sscanf(text+" ", "%d ", &percent); !ok || err != nil || fmt.Sprint(percent) != text || percent < 0 || percent > 100 {
			return nil, fmt.Errorf("%q is not a revision and its percent, such as 2=10", arg)
		}
		if _, twice := all[revision]; twice {
			return nil, fmt.Errorf("%s is there twice", revision)
		}
		if all == nil {
			all = map[string]int{}
		}
		all[revision] = percent
	}
	return all, nil
}

func (a *app) deleteCommand() *cobra.Command {
	timeout := 2 * time.Minute
	cmd := a.inCluster(&cobra.Command{
		Use:   "delete MODEL",
		Short: "Take a model out of a cluster",
		Long: `Take a model out of a cluster: its Service with all revisions, and its Trigger. Its
params stay in the registry.`,
		Args: takesModel(0, 0),
	}, func(ctx context.Context, c *cluster.Cluster, args []string) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		err := deploy.Delete(ctx, c, args[0])
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s was not gone after %s; it goes on by itself", args[0], timeout)
		}
		if err != nil {
			return err
		}
		return a.print(map[string]string{"deleted": args[0]}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s is gone; its params are still in the registry\n", args[0])
			return err
		})
	})
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait until it is gone")
	return cmd
}
