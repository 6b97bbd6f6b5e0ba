// Package server is the program of the params registry: its settings, its wiring
// and its life. It serves until its context ends, then drains: waits end at once,
// and every other request is answered.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/modelfn/modelfn/framework/events/sink"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/program"
	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
	"github.com/modelfn/modelfn/framework/token"
	"github.com/modelfn/modelfn/functions/registry/announce"
	"github.com/modelfn/modelfn/functions/registry/api"
	"github.com/modelfn/modelfn/functions/registry/store"
	"github.com/modelfn/modelfn/functions/registry/store/bucket"
	"github.com/modelfn/modelfn/functions/registry/store/folder"
)

// name is what the registry is called in its logs and metrics.
const name = "registry"

// Main is the main function of the registry's program; see package program.
func Main() { program.Main(programOf(os.Getenv, os.Stderr)) }

// Run is [Main] with all that surrounds a program handed in; it ends with ctx, and
// returns the exit code.
func Run(ctx context.Context, getenv func(string) string, stderr io.Writer) int {
	return programOf(getenv, stderr).Run(ctx, nil, io.Discard, stderr)
}

func programOf(getenv func(string) string, stderr io.Writer) program.Program {
	return program.Program{Name: name, Serve: func(ctx context.Context) error { return run(ctx, getenv, stderr) }}
}

func run(ctx context.Context, getenv func(string) string, stderr io.Writer) (err error) {
	s, err := SettingsFrom(getenv)
	if err != nil {
		return err
	}
	log := telemetry.NewLog(stderr, s.LogLevel, slog.String("model", name), slog.String("revision", s.Revision))
	defer func() { err = errors.Join(err, log.Close()) }()
	var tokens *token.File
	if s.TokensPath != "" {
		if tokens, err = token.Open(s.TokensPath); err != nil {
			return err
		}
	}
	objects, err := open(ctx, s.Store)
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	defer func() { err = errors.Join(err, objects.Close()) }()
	listener, err := serve.Listen(s.Config(log.Logger))
	if err != nil {
		return err
	}
	if tokens == nil && !listener.Loopback() {
		return errors.Join(errors.New("without TOKENS_PATH anybody could write: set it, or listen on loopback (HOST=127.0.0.1)"), listener.Close())
	}
	p := newService(&s, store.New(objects), tokens, log)
	log.Info("listening", "traffic", listener.Addr().String(), "admin", listener.AdminAddr().String())
	err = p.serve(ctx, listener)
	log.Info("ended")
	return err
}

// objects are what the store stands on, until they are closed.
type objects interface {
	store.Objects
	io.Closer
}

// open opens the folder or bucket of a URL.
func open(ctx context.Context, u *url.URL) (objects, error) {
	if u.Scheme == "file" {
		return folder.Open(u.Path)
	}
	return bucket.Open(ctx, bucket.Config{URL: u.String()})
}

// service is the registry put together.
type service struct {
	handler   *api.Handler
	announcer *announce.Announcer // nil without a sink
	metrics   *telemetry.Metrics
	guarded   bool // writes need a token
}

func newService(s *Settings, st *store.Store, tokens *token.File, log *telemetry.Log) *service {
	p := &service{metrics: telemetry.NewMetrics(name), guarded: tokens != nil}
	cfg := api.Config{Store: st, Log: log.Logger, Metrics: p.metrics}
	var registry *api.Registry
	if s.Sink != "" {
		source := "/modelfn/" + s.Namespace + "/params"
		p.announcer = announce.New(announce.Config{
			Store: st, Log: log.Logger, Metrics: p.metrics.Registry(),
			Send: &sink.Sink{URL: s.Sink, Source: source, Extensions: s.Extensions, Client: &http.Client{CheckRedirect: stay}},
			Read: func(ctx context.Context, model string, version int64) (*params.Document, error) {
				return registry.Version(ctx, model, version)
			},
		})
		cfg.Written = p.announcer.Written
	}
	registry = api.New(cfg)
	p.handler = api.NewHandler(registry, api.HandlerConfig{
		Tokens: tokens, MaxBody: s.MaxBody, RequestTimeout: s.RequestTimeout, Log: log, Metrics: p.metrics,
	})
	return p
}

// stay keeps a client from following redirections: most turn an event into the
// reading of a page, which succeeds.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// serve answers requests until ctx ends and the drain is over; then it stops
// announcing.
func (p *service) serve(ctx context.Context, listener *serve.Server) error {
	announcing, end := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	if p.announcer != nil {
		running.Go(func() { p.announcer.Run(announcing) })
	}
	defer func() {
		end()
		running.Wait()
	}()
	var handler serve.Drainable = p.handler
	if !p.guarded {
		handler = serve.Loopback(listener.Addr(), p.handler)
	}
	if err := listener.Serve(ctx, handler, p.metrics.Registry()); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
