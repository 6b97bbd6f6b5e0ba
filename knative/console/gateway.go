package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/token"
	"github.com/modelfn/modelfn/knative/console/live"
	"github.com/modelfn/modelfn/knative/console/web"
	"github.com/modelfn/modelfn/knative/registry"
)

// Config says what a gateway serves. Only Discovery is required.
type Config struct {
	// Discovery tells the models.
	Discovery Discovery

	// Datasets are the CSV files, each with a header line, that /data/{name}
	// shows.
	Datasets map[string][]byte

	// Example is an input that every model takes, as JSON; the index shows it.
	Example string

	// Evaluate lets POST /{model}/evaluate through, with its Authorization
	// header. It is for the models to check the token; models that ask for none,
	// as those on loopback, must not be opened to more than this machine.
	Evaluate bool

	// Tokens are those of who may write, as the registry and the models have them. Open
	// says instead that everybody who reaches the gateway may: it is for a listener
	// on loopback. With neither nobody may change traffic here.
	Tokens *token.File
	Open   bool

	// Proxies are those in front of the gateway. Where they are known, live streams and
	// wrong tokens are counted by client.
	Proxies Proxies

	// MaxBody is the size of the largest request body in bytes; 0 is 1 MiB.
	MaxBody int64

	// Timeout is how long a request may take from end to end; 0 is 60 s. One to the
	// registry may take 45 s at least, as that holds answers for up to 30 s. A body has
	// 20 s to come, and no more than Timeout.
	Timeout time.Duration

	// Patience is how long a request waits for a model none of whose instances
	// can be reached; 0 is 2 s.
	Patience time.Duration

	// Log gets one line for each request that failed on this side of the model, with
	// the id that the client was told; nil discards them.
	Log *slog.Logger
}

// StreamsOfClient is how many live streams one client may have at once.
const StreamsOfClient = 50

// Gateway is the handler. Make one with [New].
type Gateway struct {
	discovery Discovery
	datasets  map[string]dataset
	example   string
	manager   Manager // nil if the discovery is none
	tokens    *token.File
	open      bool
	proxies   Proxies
	guesses   guesses
	origins   *http.CrossOriginProtection
	client    *registry.Client // of the registry, for the gateway's own requests
	asked     asked
	tallies   tallies
	live      *live.Hub
	page      *web.Page
	evaluate  bool
	maxBody   int64
	bodies    bodies
	timeout   time.Duration
	patience  time.Duration
	log       *slog.Logger
	proxy     httputil.ReverseProxy
	transport *http.Transport
	draining  atomic.Bool
	ending    context.Context // ends when the drain begins, and with it what waits for params
	end       context.CancelFunc
}

// New returns a gateway. It fails if a dataset is not CSV.
func New(cfg Config) (*Gateway, error) {
	if cfg.Discovery == nil {
		return nil, errors.New("a gateway needs a discovery")
	}
	datasets, err := parseDatasets(cfg.Datasets)
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		discovery: cfg.Discovery,
		datasets:  datasets,
		example:   cfg.Example,
		tokens:    cfg.Tokens,
		open:      cfg.Open,
		proxies:   cfg.Proxies,
		page:      web.Embedded(),
		origins:   http.NewCrossOriginProtection(),
		evaluate:  cfg.Evaluate,
		maxBody:   orDefault(cfg.MaxBody, 1<<20),
		timeout:   orDefault(cfg.Timeout, 60*time.Second),
		patience:  orDefault(cfg.Patience, 2*time.Second),
		log:       cfg.Log,
		transport: newTransport(),
	}
	g.bodies.most = max(mostBodies, 2*g.maxBody)
	g.manager, _ = cfg.Discovery.(Manager)
	g.live = live.New(live.Config{
		Source: func() live.Source { return newWatch(g) }, Refuse: g.refuseStream,
		Client: g.clientOf, StreamsOfClient: StreamsOfClient,
	})
	if g.client, err = g.newClient(); err != nil {
		return nil, err
	}
	g.ending, g.end = context.WithCancel(context.Background())
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.proxy = httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      patientTransport{g},
		BufferPool:     &copyBuffers,
		ModifyResponse: answered,
		ErrorHandler:   g.forwardFailed,
		ErrorLog:       slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
	return g, nil
}

func orDefault[T int64 | time.Duration](v, d T) T {
	if v > 0 {
		return v
	}
	return d
}

// Close gives the idle connections to the models back.
func (g *Gateway) Close() {
	g.end()
	g.live.Close()
	g.transport.CloseIdleConnections()
}

// Drain makes every answer end its connection. Requests are answered as before, but
// those that wait for new params at once, and live streams end.
func (g *Gateway) Drain() {
	g.draining.Store(true)
	g.end()
	g.live.Close()
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	if r.ContentLength != 0 {
		// Also a body that no route wants is read by the server, to a degree.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(min(g.timeout, bodyTimeout)))
	}
	if err := g.origins.Check(r); err != nil {
		g.fail(w, r, fault.New(fault.Forbidden, "not from another origin"))
		return
	}
	to := parse(r.URL.Path)
	if to.action == notFound && g.page.Has(r.URL.Path) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		g.page.ServeHTTP(w, r)
		return
	}
	switch to.action {
	case notFound:
		g.fail(w, r, fault.New(fault.NotFound, "no such route"))
		return
	case notYet:
		g.fail(w, r, fault.New(fault.NotFound, "the Open Inference Protocol is not served yet; /v1/models is"))
		return
	}
	if !to.takes(r.Method) {
		w.Header().Set("Allow", to.method())
		g.fail(w, r, fault.New(fault.Method, "this route takes %s", to.method()))
		return
	}
	switch to.action {
	case showIndex:
		w.Header().Set("Vary", "Accept")
		if web.Wanted(r) {
			g.page.ServeHTTP(w, r)
			return
		}
		g.showIndex(w, r)
	case showLive:
		answerJSON(w, http.StatusOK, health{Status: "live"})
	case showReady:
		g.showReady(w)
	case showDataset:
		g.showDataset(w, r, to.name)
	case askRegistry:
		if g.discovery.Registry() == nil {
			g.fail(w, r, fault.New(fault.NotFound, "there is no registry here"))
			return
		}
		g.forward(w, r, to)
	case showModels:
		g.showModels(w, r)
	case showLiveEvents:
		g.live.ServeHTTP(w, r)
	case showSession:
		g.showSession(w, r)
	case setTraffic:
		g.setTraffic(w, r, to.name)
	case listModels:
		answerJSON(w, http.StatusOK, modelList{sortedNames(g.discovery.Models())})
	default:
		g.toModel(w, r, to)
	}
}

// toModel forwards a request to the model that it names.
func (g *Gateway) toModel(w http.ResponseWriter, r *http.Request, to route) {
	if _, ok := g.discovery.Models()[to.name]; !ok {
		if to.action == predict || to.action == evaluate {
			answerJSON(w, http.StatusBadRequest, invalidModel{"Invalid model!"})
			return
		}
		g.fail(w, r, fault.New(fault.NotFound, "no such model"))
		return
	}
	if to.action == evaluate && !g.evaluate {
		g.fail(w, r, fault.New(fault.Forbidden, "evaluate is open on a loopback listener only"))
		return
	}
	g.forward(w, r, to)
}
