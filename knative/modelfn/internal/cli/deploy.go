package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/deploy"
	"github.com/modelfn/modelfn/knative/manifest"
	"github.com/modelfn/modelfn/knative/traffic"
)

// where is the cluster that a command is about.
type where struct{ kubeconfig, context, namespace string }

// flags adds the flags to a command; namespace is the default.
func (p *where) flags(cmd *cobra.Command, namespace string) {
	p.connection(cmd)
	cmd.Flags().StringVarP(&p.namespace, "namespace", "n", namespace, "`namespace` of the models")
}

// connection adds those that say which cluster it is.
func (p *where) connection(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.kubeconfig, "kubeconfig", "", "`file` that says where the cluster is (default: $KUBECONFIG, or ~/.kube/config)")
	cmd.Flags().StringVar(&p.context, "context", "", "`context` of the kubeconfig (default: its current one)")
}

func (p *where) connect() (*cluster.Cluster, error) {
	return cluster.Connect(cluster.Config{Kubeconfig: p.kubeconfig, Context: p.context, Namespace: p.namespace})
}

// platformNamespace is where the base of knative/config puts all.
const platformNamespace = "modelfn"

// inCluster makes a command of one that asks a cluster.
func (a *app) inCluster(cmd *cobra.Command, run func(ctx context.Context, c *cluster.Cluster, args []string) error) *cobra.Command {
	var at where
	at.flags(cmd, platformNamespace)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		c, err := at.connect()
		if err != nil {
			return err
		}
		return run(ctx, c, args)
	}
	return cmd
}

func (a *app) deployCommand() *cobra.Command {
	var o objects
	var at where
	options := deploy.Options{By: who()}
	wait := true
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Deploy functions to a Knative cluster, and move the traffic to them",
		Long: `Deploy functions to a Knative cluster, and move the traffic to them.

What is applied is what 'modelfn manifest' prints. Each new revision is awaited, with
a line for each condition that changes; if it cannot become ready the cause is told,
and the revisions that run keep the traffic.

A new revision gets no traffic before it is ready, and then all of it; with --canary
a share, and with --no-traffic none, both under the tag "candidate". The first
revision of a function gets all in any case. While the traffic is split between
revisions, a new one begins with none, unless --promote gives it all. Other tags, and
what was done with kn or kubectl, stay.

The Service keeps with the traffic who set it, by the name of the login here; the
console's page shows that to everybody who sees it.`,
		Example: `  modelfn deploy --images out/images/images.json
  modelfn deploy -f samples/own-model --canary 10
  modelfn deploy -f samples/own-model --promote`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("canary") && (options.Traffic.Canary < 1 || options.Traffic.Canary > 99) {
				return errors.New("--canary takes a number from 1 to 99")
			}
			if t := options.Traffic; t.Canary > 0 && (t.None || t.Promote) || t.None && t.Promote {
				return errors.New("--canary, --no-traffic and --promote exclude each other")
			}
			if options.Timeout <= 0 {
				return errors.New("--timeout takes more than 0s")
			}
			if !wait && (options.Traffic != traffic.Wish{}) {
				return errors.New("traffic is moved to what is ready: --wait=false leaves it where it is")
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.NoWait = !wait
			return a.deploy(cmd.Context(), &o, at, options)
		},
	}
	o.flags(cmd)
	at.connection(cmd)
	cmd.Flags().IntVar(&options.Traffic.Canary, "canary", 0, "`percent` of the traffic for the new revision")
	cmd.Flags().BoolVar(&options.Traffic.None, "no-traffic", false, "no traffic for the new revision")
	cmd.Flags().BoolVar(&options.Traffic.Promote, "promote", false, "all traffic for the new revision, even if it is split")
	cmd.Flags().BoolVar(&wait, "wait", true, "wait until the revisions are ready, and move the traffic then")
	cmd.Flags().DurationVar(&options.Timeout, "timeout", 2*time.Minute, "how long to wait for one function")
	cmd.Flags().BoolVar(&options.DryRun, "dry-run", false, "let the cluster check all, and change nothing")
	return cmd
}

func (a *app) deploy(ctx context.Context, o *objects, at where, options deploy.Options) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	all, err := a.objects(ctx, o)
	if err != nil {
		return err
	}
	functions, err := toDeploy(all)
	if err != nil {
		return err
	}
	at.namespace = o.namespace
	c, err := at.connect()
	if err != nil {
		return err
	}
	var mu sync.Mutex // guards the standard error
	options.Tell = func(function, line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(a.stderr, "%s: %s\n", function, line)
	}
	results, failed := deploy.All(ctx, c, functions, options)
	if len(results) > 0 {
		err = a.print(results, func(w io.Writer) error { return printDeployed(w, results, options) })
	}
	return errors.Join(failed, err)
}

// toDeploy are the functions that objects make.
func toDeploy(all []*manifest.Objects) ([]deploy.Function, error) {
	var functions []deploy.Function
	for _, one := range all {
		list, err := one.Unstructured()
		if err != nil {
			return nil, err
		}
		f := deploy.Function{Name: one.Service.Name}
		for _, object := range list {
			f.Objects = append(f.Objects, object.Object)
		}
		functions = append(functions, f)
	}
	return functions, nil
}

func printDeployed(w io.Writer, results []deploy.Result, options deploy.Options) error {
	return printRows(w, "MODEL\tREVISION\tTRAFFIC\tURL", func(row func(...any)) {
		for _, r := range results {
			state := r.Revision
			switch {
			case options.DryRun && r.Changed:
				state = "would be new"
			case options.DryRun:
				state = "would stay"
			case options.NoWait:
				state = "applied"
			}
			split := "-"
			if r.Traffic != nil {
				split = r.Traffic.String()
			}
			row(r.Function, state, split, orDash(r.URL))
		}
	})
}
