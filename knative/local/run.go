package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/serve"
	"github.com/modelfn/modelfn/framework/telemetry"
	"github.com/modelfn/modelfn/framework/token"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/function"
)

// Config says what a run consists of. Listen, Folder, Programs and Functions are
// required.
type Config struct {
	// Listen is the gateway's address, host:port; port 0 takes a free one.
	Listen string

	// Folder is the data folder; it is made if need be.
	Folder string

	// Programs is the folder that holds the programs.
	Programs string

	// Functions are what there is to run. Those that are components of others run if
	// they are called over the network; all others are the models. What a spec says of
	// images, scale, concurrency and resources is for a cluster.
	Functions []function.Spec

	// Replicas is how many processes each model has; 0 is 1. A component has one.
	Replicas int

	// Registry runs the params registry, the program "registry", with its store in
	// the data folder: the models follow it, and fall back on their bundles. Without
	// it they watch the bundles.
	Registry bool

	// Network names components that every function calls over the network, whatever
	// its spec says.
	Network []string

	// Tokens is the file of those who may write params, see package token of the
	// framework; "" lets everybody write, and then only this machine may reach the
	// gateway. Token is one of its tokens: the run needs it to publish the bundles.
	Tokens, Token string

	// Env is the environment of the programs, as far as it is not for the functions'
	// files and the run to say: where they listen, their params, who may change them,
	// their deadlines, and where their components run. Nil is that of this process.
	Env []string

	// Console configures the gateway; its Discovery, Evaluate, Tokens, Open and Log are
	// the run's.
	Console console.Config

	// Notices gets a line for each thing that a person should know of; nil
	// discards them.
	Notices io.Writer

	// Ready, if set, is called when the gateway begins to answer.
	Ready func()

	// StartTimeout is how long a program may take until it is ready, each time that it
	// is started; 0 is 15 s. Grace is how long one may take to end; 0 is 10 s.
	StartTimeout, Grace time.Duration
}

// Run is one local run. Make one with [Open].
type Run struct {
	cfg     Config
	parts   []function.Spec // the components that are called over the network
	models  []function.Spec
	folder  *os.File // locked
	server  *serve.Server
	gateway *console.Gateway
	broker  *broker // nil without a registry
	log     *telemetry.Log
	logFile *logFile
	list    *list
	notices *notices
	closed  bool
}

// Open prepares a run, or says what stands in its way and leaves nothing behind.
// The caller closes it.
func Open(cfg Config) (_ *Run, err error) {
	r := &Run{cfg: cfg, notices: &notices{w: cfg.Notices}}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if err := r.complete(); err != nil {
		return nil, err
	}
	r.list = newList(r.programs())
	if r.server, err = serve.Listen(serve.Config{Addr: cfg.Listen, DrainTimeout: r.cfg.Grace, Log: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, fmt.Errorf("the gateway cannot listen: %w", err)
	}
	if cfg.Tokens == "" && !r.server.Loopback() {
		return nil, fmt.Errorf("without tokens everybody who reaches %s could write params: listen on 127.0.0.1, or name a file of tokens", cfg.Listen)
	}
	front := cfg.Console
	if cfg.Tokens != "" {
		if front.Tokens, err = token.Open(cfg.Tokens); err != nil {
			return nil, err
		}
	}
	if r.folder, err = take(r.cfg.Folder); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.logs(), 0o755); err != nil {
		return nil, fmt.Errorf("the data folder cannot be written: %w", err)
	}
	if r.logFile, err = openLog(filepath.Join(r.logs(), "gateway.log")); err != nil {
		return nil, err
	}
	r.log = telemetry.NewLog(r.logFile, slog.LevelInfo)
	front.Discovery, front.Log = r.list, r.log.Logger
	front.Open = cfg.Tokens == ""
	front.Evaluate = true // the models ask for a token, unless the gateway is on loopback
	if r.gateway, err = console.New(front); err != nil {
		return nil, err
	}
	if cfg.Registry {
		r.broker, err = newBroker(r.list, r.deaf(), r.log.Logger)
	}
	return r, err
}

// complete fills in the defaults and checks that every program is there.
func (r *Run) complete() error {
	cfg := &r.cfg
	r.cast()
	if len(r.models) == 0 {
		return errors.New("no models to run")
	}
	cfg.Replicas = max(cfg.Replicas, 1)
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = 15 * time.Second
	}
	if cfg.Grace == 0 {
		cfg.Grace = 10 * time.Second
	}
	if cfg.Env == nil {
		cfg.Env = os.Environ()
	}
	for _, path := range []*string{&cfg.Folder, &cfg.Programs, &cfg.Tokens} {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("where is %s? %w", *path, err)
		}
		*path = abs
	}
	return r.missing()
}

// ErrNoProgram is the error of a program that is not where it should be.
var ErrNoProgram = errors.New("no such file or directory")

// missing tells of programs that are not there.
func (r *Run) missing() error {
	var missing []error
	seen := map[string]bool{}
	for _, p := range r.programs() {
		if _, err := exec.LookPath(p.path); err != nil && !seen[p.path] {
			if errors.Is(err, fs.ErrNotExist) {
				err = ErrNoProgram
			}
			missing = append(missing, fmt.Errorf("the program %s: %w", p.path, innermost(err)))
		}
		seen[p.path] = true
	}
	return errors.Join(missing...)
}

// innermost returns what an error is about at last, without the path that each
// layer around it says again.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

func (r *Run) logs() string { return filepath.Join(r.cfg.Folder, "logs") }

// Bundles is the folder that the programs read their params from.
func (r *Run) Bundles() string { return filepath.Join(r.cfg.Folder, "bundles") }

// URL is where this machine reaches the gateway, as http://host:port.
func (r *Run) URL() string {
	addr := r.server.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// Instances tells the programs' state: the registry's first, then those of the
// components, then those of the models in their order.
func (r *Run) Instances() []Instance { return r.list.all() }

// Close gives back what Open took. It may be called again.
func (r *Run) Close() {
	if r.closed {
		return
	}
	r.closed = true
	if r.server != nil {
		_ = r.server.Close() // after Serve it is closed already
	}
	if r.gateway != nil {
		r.gateway.Close()
	}
	if r.broker != nil {
		r.broker.close()
	}
	if r.log != nil {
		_ = r.log.Close()
	}
	if r.logFile != nil {
		r.logFile.Close()
	}
	if r.folder != nil {
		r.folder.Close() // and with it goes the lock
	}
}

// notices writes lines for a person. It is safe for concurrent use.
type notices struct {
	mu sync.Mutex // one line at a time
	w  io.Writer  // nil for nobody
}

func (n *notices) tell(format string, args ...any) {
	if n.w == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.w, format+"\n", args...)
}
