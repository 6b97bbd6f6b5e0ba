package local

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/modelfn/modelfn/framework/serve"
)

// Serve runs the programs and the gateway until ctx ends; then it returns nil. It
// returns an error if a program does not start, and if requests had to be cut off
// at the end. Closing hurry ends the programs at once. Whatever it returns, no
// program is left.
func (r *Run) Serve(ctx context.Context, hurry <-chan struct{}) error {
	starter := newStarter()
	defer starter.close()
	// The programs end after the gateway, so not with ctx.
	programs, endPrograms := context.WithCancel(context.WithoutCancel(ctx))
	f := &fleet{run: r, starter: starter, hurry: hurry, failed: make(chan error, 1)}
	defer f.running.Wait()
	defer endPrograms()
	if r.broker != nil {
		f.running.Go(func() { r.broker.run(programs) })
	}
	f.running.Go(func() { r.describeAll(programs) })
	if err := f.start(ctx, programs, r.programs()); err != nil || ctx.Err() != nil {
		return err
	}
	return r.serveGateway(ctx, endPrograms, hurry)
}

// fleet is the programs of a run while it serves.
type fleet struct {
	run     *Run
	starter *starter
	hurry   <-chan struct{}
	running sync.WaitGroup
	failed  chan error // holds why a program did not start
}

// start starts the programs, which end with life, and waits until each was ready
// once or ctx ends: first the registry, which is given the bundles that it lacks,
// then what follows it.
func (f *fleet) start(ctx, life context.Context, programs []program) error {
	if f.run.cfg.Registry {
		if err := f.startAll(ctx, life, programs[:1]); err != nil || ctx.Err() != nil {
			return err
		}
		if err := f.run.prepare(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		programs = programs[1:]
	}
	return f.startAll(ctx, life, programs)
}

// startAll starts programs together.
func (f *fleet) startAll(ctx, life context.Context, programs []program) error {
	var keepers []*keeper
	for _, p := range programs { // every port is known before a program is told of it
		k, err := f.keeper(p)
		if err != nil {
			for _, k := range keepers {
				k.close()
			}
			return err
		}
		keepers = append(keepers, k)
	}
	for i, k := range keepers {
		k.env = f.run.env(programs[i], k.port.number)
		f.running.Go(func() {
			defer k.close()
			if err := k.keep(life); err != nil {
				select {
				case f.failed <- err:
				default: // another one was first
				}
			}
		})
	}
	for _, k := range keepers {
		select {
		case <-k.ready:
		case err := <-f.failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// keeper returns the keeper of a program, with a port and a log.
func (f *fleet) keeper(p program) (*keeper, error) {
	r := f.run
	port, err := reservePort()
	if err != nil {
		return nil, fmt.Errorf("a port for %s: %w", p.name, err)
	}
	log, err := openLog(filepath.Join(r.logs(), p.name+".log"))
	if err != nil {
		port.release()
		return nil, err
	}
	k := &keeper{
		name: p.name, program: p.path,
		url: fmt.Sprintf("http://127.0.0.1:%d", port.number), port: port,
		log: log, list: r.list, yields: p.model == "", starter: f.starter, notices: r.notices, hurry: f.hurry,
		startTimeout: r.cfg.StartTimeout, grace: r.cfg.Grace,
		ready: make(chan struct{}),
	}
	r.list.update(p.name, func(i *Instance) { i.URL = k.url })
	return k, nil
}

// serveGateway serves until ctx ends and the last request is answered.
func (r *Run) serveGateway(ctx context.Context, endPrograms func(), hurry <-chan struct{}) error {
	served := make(chan struct{})
	var watch sync.WaitGroup
	defer watch.Wait()
	defer close(served)
	watch.Go(func() {
		select {
		case <-hurry:
			endPrograms() // nothing is waited for any more
		case <-served:
		}
	})
	var handler serve.Drainable = r.gateway
	if r.cfg.Tokens == "" {
		handler = serve.Loopback(r.server.Addr(), handler)
	}
	if r.cfg.Ready != nil {
		r.cfg.Ready()
	}
	return r.server.Serve(ctx, handler, http.NotFoundHandler())
}
