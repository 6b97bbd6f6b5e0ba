package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"
)

// Config says where a server listens, and its limits. A zero limit is its default;
// one on a connection may be held up to 200 ms late.
type Config struct {
	Addr  string // of the traffic, host:port
	Admin string // of metrics and profiles, host:port; "" for none

	HeaderTimeout time.Duration // for a request's header to arrive; 10 s
	ReadTimeout   time.Duration // for a whole request to arrive; 30 s

	// IdleTimeout is how long a connection may wait for its next request; 3 min,
	// which is longer than proxies keep theirs, so that it is they who close.
	IdleTimeout time.Duration

	// WriteTimeout is how long a client may take none of its answer, or less than
	// 64 KiB of it; 30 s. An answer as a whole may take as long as it likes.
	WriteTimeout time.Duration

	// DrainDelay is how long requests are still taken after the end has begun;
	// none if zero. DrainTimeout bounds what follows; 60 s.
	DrainDelay   time.Duration
	DrainTimeout time.Duration

	Log *slog.Logger // required
}

// Drainable is a handler that can be told that the end has begun.
type Drainable interface {
	http.Handler
	Drain()
}

// Server is a listening server.
type Server struct {
	cfg     Config
	traffic net.Listener
	admin   net.Listener // nil for none
	conns   conns
}

// Listen opens the ports. The caller goes on to call [Server.Serve], or Close.
func Listen(cfg Config) (*Server, error) {
	cfg.HeaderTimeout = cmp.Or(cfg.HeaderTimeout, 10*time.Second)
	cfg.ReadTimeout = cmp.Or(cfg.ReadTimeout, 30*time.Second)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, 3*time.Minute)
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, 30*time.Second)
	cfg.DrainTimeout = cmp.Or(cfg.DrainTimeout, time.Minute)
	s := &Server{cfg: cfg}
	var err error
	if s.traffic, err = listen(cfg.Addr); err != nil {
		return nil, fmt.Errorf("opening the traffic port: %w", err)
	}
	if cfg.Admin != "" {
		if s.admin, err = listen(cfg.Admin); err != nil {
			return nil, errors.Join(fmt.Errorf("opening the admin port: %w", err), s.traffic.Close())
		}
	}
	return s, nil
}

// listen opens a port for plain TCP: nobody here asks for the several paths that Go
// listens for otherwise, and that sets up for them at a cost to the start.
func listen(addr string) (net.Listener, error) {
	var cfg net.ListenConfig
	cfg.SetMultipathTCP(false)
	return cfg.Listen(context.Background(), "tcp", addr)
}

// Addr returns where the server takes traffic.
func (s *Server) Addr() net.Addr { return s.traffic.Addr() }

// AdminAddr returns where the server shows its metrics, nil for nowhere.
func (s *Server) AdminAddr() net.Addr {
	if s.admin == nil {
		return nil
	}
	return s.admin.Addr()
}

// Loopback reports whether only this machine reaches the traffic port.
func (s *Server) Loopback() bool { return IsLoopback(s.traffic.Addr()) }

// Close lets go of the ports of a server that never served.
func (s *Server) Close() error {
	err := s.traffic.Close()
	if s.admin != nil {
		err = errors.Join(err, s.admin.Close())
	}
	return err
}

// Serve answers requests until ctx ends, and then drains. It returns nil if
// every request that it had taken was answered.
func (s *Server) Serve(ctx context.Context, h Drainable, metrics http.Handler) error {
	traffic := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:       s.cfg.ReadTimeout, // over when the request is read: an answer may take longer
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    64 << 10,
		ConnState:         s.conns.changed,
		ErrorLog:          s.errorLog(),
		// No WriteTimeout: it would count from the request's header, and so cut off
		// a long prediction. The handler has a deadline of its own, and conns one for
		// each write.
	}
	admin := &http.Server{
		Handler:           adminHandler(metrics),
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:       s.cfg.ReadTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		ErrorLog:          s.errorLog(),
	}
	s.conns.stall = s.cfg.WriteTimeout
	failed := make(chan error, 2)
	if s.admin != nil {
		go func() { failed <- admin.Serve(s.admin) }()
		defer admin.Close() //nolint:errcheck // nobody waits for metrics at the end
	}
	go func() { failed <- traffic.Serve(s.conns.track(s.traffic)) }()
	var sweeping sync.WaitGroup
	ended := make(chan struct{})
	sweeping.Go(func() { s.conns.sweep(ended) })
	defer sweeping.Wait()
	defer close(ended)
	select {
	case err := <-failed:
		return errors.Join(err, traffic.Close())
	case <-ctx.Done():
	}
	return s.drain(h, traffic)
}

// drain ends the server as the package says.
func (s *Server) drain(h Drainable, traffic *http.Server) error {
	s.cfg.Log.Info("draining", "delay", s.cfg.DrainDelay.String())
	h.Drain()
	time.Sleep(s.cfg.DrainDelay)
	_ = s.traffic.Close() // it is open until here
	left := s.conns.drain(time.Now().Add(s.cfg.DrainTimeout))
	if err := traffic.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing: %w", err)
	}
	if left > 0 {
		return fmt.Errorf("%d requests were cut off after %v", left, s.cfg.DrainTimeout)
	}
	return nil
}

// errorLog takes the lines that net/http writes about single connections.
func (s *Server) errorLog() *log.Logger {
	return slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug)
}

// adminHandler serves what those who operate a function look at.
func adminHandler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
