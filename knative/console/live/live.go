// Package live serves one stream of Server-Sent Events to many listeners.
//
// # Lifecycle
//
//  1. The first listener makes the hub ask for a [Source], and runs it.
//  2. Each listener gets what [Source.Begin] returns, and then what the source
//     publishes.
//  3. With the last listener the source ends; the next one gets another source.
//     Nothing runs while nobody listens.
//  4. [Hub.Close] ends every stream. Browsers come back by themselves.
//
// A listener that reads slowly holds nobody up. Of two events with the same key it
// gets the last one alone if it has taken neither; one that falls too far behind, or
// takes nothing for a while, is cut off.
//
// A [Hub] is an [http.Handler], safe for concurrent use. Test it with a source that
// publishes what the test says.
package live

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"
)

// Event is one event of a stream.
type Event struct {
	Name string // of the event; no line break
	Data []byte // one line of text, JSON for example

	// Key, if set, says what the event tells of: a newer event with the same key takes
	// the place of one that was not sent yet.
	Key string
}

// Source is what a hub tells of.
type Source interface {
	// Run publishes events until ctx ends. What it publishes must be known to Begin
	// already: a listener that comes in between must not miss it.
	Run(ctx context.Context, publish func(Event))

	// Begin returns the events that a new stream begins with: the state so far. It is
	// called while Run runs.
	Begin() []Event
}

// ComeBack is when a listener that got no stream should try again.
const ComeBack = 5 * time.Second

// Config says how a hub is. A zero limit is its default.
type Config struct {
	// Source returns a new source. Required.
	Source func() Source

	// Refuse answers a request that gets no stream, as there are too many, or the hub
	// is closed; nil answers 503.
	Refuse http.HandlerFunc

	// Client names who listens, "" if that is not known; nil knows nobody. Who is not
	// known is bounded by Streams alone.
	Client          func(*http.Request) string
	StreamsOfClient int // at once, of one who is known; 20

	Streams      int           // at once; 500
	Heartbeat    time.Duration // pause after which a comment is sent; 15 s
	WriteTimeout time.Duration // for a listener to take what it is sent; 10 s
}

// Hub is the handler. Make one with [New].
type Hub struct {
	cfg Config

	mu      sync.Mutex // guards what follows
	closed  bool
	current *session // nil while nobody listens
	running sync.WaitGroup
}

// New returns a hub that nobody listens to.
func New(cfg Config) *Hub {
	if cfg.Refuse == nil {
		cfg.Refuse = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	}
	if cfg.Client == nil {
		cfg.Client = func(*http.Request) string { return "" }
	}
	cfg.Streams = cmp.Or(cfg.Streams, 500)
	cfg.StreamsOfClient = cmp.Or(cfg.StreamsOfClient, 20)
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, 15*time.Second)
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, 10*time.Second)
	return &Hub{cfg: cfg}
}

// session is a source with its listeners, from the first to the last.
type session struct {
	source Source
	end    context.CancelFunc

	mu      sync.Mutex // guards what follows
	streams map[*stream]struct{}
	clients map[string]int // their streams
}

// publish gives an event to every listener.
func (s *session) publish(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.streams {
		one.push(e)
	}
}

// Source returns the source that runs, nil while nobody listens.
func (h *Hub) Source() Source {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current == nil {
		return nil
	}
	return h.current.source
}

// enter adds a listener, and starts a source for the first one. It returns nil if
// there may be no more.
func (h *Hub) enter(client string) (*session, *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil
	}
	s := h.current
	if s == nil {
		ctx, cancel := context.WithCancel(context.Background())
		s = &session{source: h.cfg.Source(), end: cancel, streams: map[*stream]struct{}{}, clients: map[string]int{}}
		h.current = s
		h.running.Go(func() { s.source.Run(ctx, s.publish) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.streams) >= h.cfg.Streams || client != "" && s.clients[client] >= h.cfg.StreamsOfClient {
		return nil, nil
	}
	one := newStream(client)
	s.streams[one] = struct{}{}
	s.clients[client]++
	return s, one
}

// leave takes a listener out, and ends the source with the last one.
func (h *Hub) leave(s *session, one *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, one)
	if s.clients[one.client]--; s.clients[one.client] == 0 {
		delete(s.clients, one.client)
	}
	if len(s.streams) > 0 {
		return
	}
	s.end()
	if h.current == s {
		h.current = nil
	}
}

// Close ends every stream, and refuses others from then on. It returns when the
// source has ended. It may be called again.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	if s := h.current; s != nil {
		s.end()
		s.mu.Lock()
		for one := range s.streams {
			one.cut()
		}
		s.mu.Unlock()
	}
	h.mu.Unlock()
	h.running.Wait()
}
