package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework/env"
	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
	"github.com/modelfn/modelfn/framework/token"
	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/discovery"
	"github.com/modelfn/modelfn/samples"
)

// consoleName is what the console calls itself in its log and metrics.
const consoleName = "console"

func (a *app) consoleCommand() *cobra.Command {
	var at where
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Serve the gateway and the page of a cluster's models",
		Long: `Serve the gateway and the page of a cluster's models: what the platform runs as
its console. Models appear by themselves; while the cluster's API is away those that
were seen last go on.

Like every function it is configured by its environment: PORT (8080), HOST,
ADMIN_PORT (9095), TOKENS_PATH and others. Without TOKENS_PATH it listens on loopback
only. In a pod it finds the cluster and the namespace by itself; elsewhere by the
kubeconfig. It calls models at NAME.NAMESPACE.svc.cluster.local, so it has to run
where these names are known.

TRUSTED_PROXIES are the networks of what stands in front of it, separated by commas:
127.0.0.1 for its queue-proxy, and that of the ingress's pods. With them live streams
and wrong tokens are bounded by client, and not only for all together; what others say
in X-Forwarded-For is never believed.`,
		Example: `  HOST=127.0.0.1 modelfn console --namespace modelfn`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.console(cmd.Context(), at, os.Getenv) },
	}
	at.flags(cmd, "")
	cmd.Flag("namespace").Usage = "`namespace` of the models (default: $NAMESPACE, or that of the pod or the kubeconfig)"
	return cmd
}

func (a *app) console(ctx context.Context, at where, getenv func(string) string) (err error) {
	ctx, _, stop := a.signals(ctx)
	defer stop()
	e := &env.Reader{Get: getenv}
	s := serve.SettingsFrom(e)
	proxies, err := console.ParseProxies(getenv("TRUSTED_PROXIES"))
	if err != nil {
		e.Problems.Add("TRUSTED_PROXIES", "%v", err)
	}
	if err := e.Err(); err != nil {
		return err
	}
	if at.namespace == "" {
		at.namespace = getenv("NAMESPACE")
	}
	c, err := cluster.Connect(cluster.Config{Kubeconfig: at.kubeconfig, Context: at.context, Namespace: at.namespace, Agent: "modelfn-console"})
	if err != nil {
		return err
	}
	log := telemetry.NewLog(a.stderr, s.LogLevel, slog.String("model", consoleName), slog.String("revision", s.Revision))
	defer func() { err = errors.Join(err, log.Close()) }()
	d := discovery.New(c, log.Logger)
	cfg := console.Config{
		Discovery: d, Datasets: map[string][]byte{"diabetes": samples.Diabetes},
		Evaluate: true, // the models ask for a token
		Proxies:  proxies,
		MaxBody:  s.MaxBody, Timeout: s.RequestTimeout, Log: log.Logger,
	}
	if s.TokensPath != "" {
		if cfg.Tokens, err = token.Await(s.TokensPath); err != nil {
			return err
		}
	}
	listener, err := serve.Listen(s.Config(log.Logger))
	if err != nil {
		return err
	}
	cfg.Open = cfg.Tokens == nil
	if cfg.Open && !listener.Loopback() {
		return errors.Join(errors.New("without TOKENS_PATH anybody could move traffic: set it, or listen on loopback (HOST=127.0.0.1)"), listener.Close())
	}
	gateway, err := console.New(cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer gateway.Close()
	return serveConsole(ctx, d, gateway, listener, log.Logger, cfg.Open)
}

// serveConsole serves until ctx ends and the drain is over.
func serveConsole(ctx context.Context, d *discovery.Discovery, gateway *console.Gateway, listener *serve.Server, log *slog.Logger, open bool) error {
	following, end := context.WithCancel(context.WithoutCancel(ctx)) // requests in flight need the models
	var running sync.WaitGroup
	running.Go(func() { d.Run(following) })
	defer func() {
		end()
		running.Wait()
	}()
	select {
	case <-d.Complete():
	case <-ctx.Done():
		return listener.Close()
	}
	log.Info("listening", "traffic", listener.Addr().String(), "admin", listener.AdminAddr().String(), "models", len(d.Models()))
	var handler serve.Drainable = gateway
	if open {
		handler = serve.Loopback(listener.Addr(), gateway)
	}
	if err := listener.Serve(ctx, handler, telemetry.NewMetrics(consoleName).Registry()); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	log.Info("ended")
	return nil
}
