package framework

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
	"github.com/modelfn/modelfn/framework/token"
)

// An Option says what a program has beside its model.
type Option func(*options)

type options struct {
	components []Function
	bundle     []byte // nil for none
}

// Component gives a program the code of a component, so that it runs in the
// process. If the component's URL is set, it is called there instead.
func Component(f Function) Option {
	return func(o *options) { o.components = append(o.components, f) }
}

// Baked gives a program a bundle that it has in itself. It takes the place of
// PARAMS_PATH where that is not set.
func Baked(bundle []byte) Option {
	return func(o *options) { o.bundle = bundle }
}

func (o *options) names() []string {
	list := make([]string, len(o.components))
	for i, c := range o.components {
		list[i] = c.name()
	}
	return list
}

func collect(opts []Option) *options {
	o := &options{}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// Replica is one running copy of a function: a model on the params that its
// source wants.
type Replica struct {
	started  time.Time
	settings Settings
	model    builder
	parts    *parts
	keeper   *params.Keeper[*serve.Instance]
	registry *params.Registry                 // nil without one
	history  *params.History[*serve.Instance] // nil without a registry
	tokens   *token.File
	log      *telemetry.Log
	metrics  *telemetry.Metrics
	name     string
	id       string        // of the process, among all replicas
	ready    chan struct{} // closed when params were applied for the first time
	became   bool          // it is closed; only the keeper's callbacks look at it
	draining atomic.Bool   // it is about to end
}

// ReplicaFrom is [NewReplica] with the settings of an environment.
func ReplicaFrom(getenv func(string) string, f Function, log io.Writer, opts ...Option) (*Replica, error) {
	o := collect(opts)
	settings, err := settingsFrom(getenv, o.bundle != nil, o.names())
	if err != nil {
		return nil, err
	}
	return NewReplica(f, settings, log, opts...)
}

// NewReplica puts a replica together; nothing runs yet. Its log lines go to log.
func NewReplica(f Function, s Settings, log io.Writer, opts ...Option) (*Replica, error) {
	r := &Replica{
		started: time.Now(), settings: s, name: f.name(), id: replicaID(), ready: make(chan struct{}),
		log:     telemetry.NewLog(log, s.LogLevel, slog.String("model", f.name()), slog.String("revision", s.Revision)),
		metrics: telemetry.NewMetrics(f.name()),
	}
	o := collect(opts)
	var err error
	if r.model, err = f.builder(); err != nil {
		return nil, err
	}
	r.observe()
	if r.parts, err = newParts(o.components, s.Components, r.log, r.metrics); err != nil {
		return nil, err
	}
	switch {
	case s.Tokens != "":
		r.tokens, err = token.Parse(s.Tokens)
	case s.TokensPath != "":
		r.tokens, err = token.Await(s.TokensPath)
	}
	if err != nil {
		return nil, err
	}
	return r, r.source(o.bundle)
}

// source wires where the params come from; baked is a bundle, or nil.
func (r *Replica) source(baked []byte) error {
	s := &r.settings
	cfg := params.Config[*serve.Instance]{
		Build:        r.build,
		Poll:         s.ParamsPoll,
		StartTimeout: s.ParamsStartTimeout,
		Swapped:      r.swapped,
		Failed:       r.failed,
	}
	var file params.Source
	switch {
	case s.ParamsPath != "":
		file = params.NewFile(s.ParamsPath, r.name)
	case baked != nil:
		file = params.NewBaked(baked, r.name)
	}
	if s.ParamsURL == "" {
		cfg.Source = file
		r.keeper = params.NewKeeper(cfg)
		return nil
	}
	var err error
	r.registry, err = params.NewRegistry(params.RegistryConfig{
		URL: s.ParamsURL, Model: r.name, Pin: s.pin(), Self: r.self,
	})
	if err != nil {
		return err
	}
	cfg.Source = r.registry
	if file != nil && !s.NoFallback {
		cfg.Fallback = params.Only(file, s.pin())
	}
	r.keeper = params.NewKeeper(cfg)
	r.history = params.NewHistory(r.former, r.build)
	return nil
}

// former loads a version that a request names.
func (r *Replica) former(ctx context.Context, version int64) (params.Set, error) {
	set, err := r.registry.Version(ctx, version)
	switch {
	case errors.Is(err, params.ErrNoVersion):
		err = &fault.Error{Kind: fault.NotFound, Message: fmt.Sprintf("there is no params version %d", version), Err: err}
	case err != nil:
		err = fault.Away(time.Second, err, "the registry could not be asked for params version %d", version)
	}
	return set, err
}

// self is what the replica tells its registry.
func (r *Replica) self() params.Replica {
	s, status := r.keeper.Stand()
	self := params.Replica{Name: r.id, Revision: r.settings.Revision, State: status.State}
	if s != nil {
		self.Version, self.Digest = s.Set.Version, s.Set.Digest
		s.Release()
	}
	if status.Rejection != nil {
		self.Error = status.Rejection.Error
	}
	if r.draining.Load() {
		self.State = params.Draining
	}
	return self
}

// replicaID names a process: its host (on Kubernetes, the pod), and a part that
// tells two on one host apart.
func replicaID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "-" + telemetry.NewID()[:6]
}

// observe shows how the replica stands to the params that it should have.
func (r *Replica) observe() {
	r.metrics.Params(func() (stand telemetry.Params) {
		s, status := r.keeper.Stand()
		if s != nil {
			stand.Version = s.Set.Version
			s.Release()
		}
		stand.Wanted = status.Wanted
		if !status.Behind.IsZero() {
			stand.Lag = time.Since(status.Behind)
		}
		return stand
	})
}

// Handler returns the function's HTTP contract. trusted says that only this
// machine reaches it, so that evaluating params needs no token.
func (r *Replica) Handler(trusted bool) *serve.Handler {
	cfg := serve.HandlerConfig{
		Model:          r.name,
		Revision:       r.settings.Revision,
		Keeper:         r.keeper,
		Evaluate:       r.build,
		History:        r.history,
		Pinned:         r.settings.ParamsVersion > 0,
		Tokens:         r.tokens,
		Trusted:        trusted && r.tokens == nil,
		MaxBody:        r.settings.MaxBody,
		RequestTimeout: r.settings.RequestTimeout,
		Log:            r.log,
		Metrics:        r.metrics,
	}
	if r.registry != nil {
		cfg.Complete = r.registry.Complete
	}
	return serve.NewHandler(cfg)
}

// Metrics serves the replica's metrics.
func (r *Replica) Metrics() http.Handler { return r.metrics.Registry() }

// Load brings the model to its params once, before [Replica.Run] keeps it on them,
// and reports why it cannot. It is for a server that takes requests at once.
func (r *Replica) Load(ctx context.Context) error { return r.keeper.Reconcile(ctx) }

// Run keeps the model on its params until ctx ends; then it closes what is left.
func (r *Replica) Run(ctx context.Context) {
	r.keeper.Run(ctx)
	if r.registry != nil {
		r.history.Close()
		r.registry.Close()
	}
	r.parts.close()
	_ = r.log.Close()
}

// Flush writes the log lines that wait for more, for a server whose process may be
// frozen or killed between two requests.
func (r *Replica) Flush() { _ = r.log.Close() }

// build builds what serves a set.
func (r *Replica) build(ctx context.Context, set params.Set) (*serve.Instance, func(), error) {
	runner, closeAll, err := r.parts.build(ctx, r.model, &set)
	if err != nil {
		return nil, nil, err
	}
	instance := serve.NewInstance(&set, runner)
	if closeAll == nil {
		return instance, nil, nil
	}
	return instance, func() {
		if err := closeAll(); err != nil {
			r.log.Warn("closing a predictor", "params", set.Version, "error", err.Error())
		}
	}, nil
}

func (r *Replica) swapped(now *params.Snapshot[*serve.Instance], took time.Duration) {
	if !r.became {
		r.became = true
		r.metrics.Ready(time.Since(r.started))
		close(r.ready)
	}
	r.metrics.Reloaded("applied", "")
	r.log.Info("params applied", "params", now.Set.Version, "digest", now.Set.Digest, "took", took.String())
}

// reason is what was wrong with params, out of a fixed list: the part of the set that
// a fault is about, or the source that could not be reached.
func reason(state params.State, err error) string {
	if state != params.Rejected {
		return "source"
	}
	part, _, _ := strings.Cut(fault.From(err).Path, ".")
	part, _, _ = strings.Cut(part, "[")
	switch part {
	case "requires", "digest", "documents":
		return part
	}
	return "params"
}

func (r *Replica) failed(state params.State, err error) {
	r.metrics.Reloaded(string(state), reason(state, err))
	r.log.Error("params not applied", "state", string(state), "error", err.Error())
}

// drain tells the registry that the replica is about to end.
func (r *Replica) drain() {
	r.draining.Store(true)
	if r.registry != nil {
		r.registry.Renew()
	}
}

// firstLoad is how long what comes in while the params are being loaded waits to be
// taken. Mostly they are there before; a prober that was refused would wait longer
// until it asks again, and one that waits gives up later.
const firstLoad = 50 * time.Millisecond

// serve runs the replica on its ports until ctx ends and it is drained.
func (r *Replica) serve(ctx context.Context) error {
	server, err := serve.Listen(r.settings.Config(r.log.Logger))
	if err != nil {
		return err
	}
	// The params are kept until the last request is answered.
	keeping, end := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		r.Run(keeping)
	}()
	defer func() {
		end()
		<-kept
	}()
	defer context.AfterFunc(ctx, r.drain)()
	r.log.Info("listening", "traffic", server.Addr().String(), "admin", server.AdminAddr().String())
	select {
	case <-r.ready:
	case <-time.After(firstLoad):
	case <-ctx.Done():
	}
	if err := server.Serve(ctx, r.Handler(server.Loopback()), r.Metrics()); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	r.log.Info("ended")
	return nil
}
