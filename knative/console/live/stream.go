package live

import (
	"bytes"
	"net/http"
	"sync"
	"time"

	"github.com/modelfn/modelfn/knative/console/accept"
)

// mostQueued is how many events a listener may be behind.
const mostQueued = 1000

// stream is the events on their way to one listener.
type stream struct {
	client string

	wake chan struct{} // holds something if the queue does
	over chan struct{} // closed when the stream ends

	mu    sync.Mutex // guards what follows
	queue []Event
	ended bool
}

func newStream(client string) *stream {
	return &stream{client: client, wake: make(chan struct{}, 1), over: make(chan struct{})}
}

// push adds an event, and ends the stream if its listener is too far behind.
func (s *stream) push(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Key != "" {
		for i := range s.queue {
			if s.queue[i].Key == e.Key {
				s.queue[i] = e
				return
			}
		}
	}
	if len(s.queue) >= mostQueued {
		s.cutLocked()
		return
	}
	s.queue = append(s.queue, e)
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already
	}
}

// take empties the queue.
func (s *stream) take() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.queue
	s.queue = nil
	return all
}

// cut ends the stream.
func (s *stream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutLocked()
}

func (s *stream) cutLocked() {
	if !s.ended {
		s.ended = true
		close(s.over)
	}
}

// ServeHTTP sends events until the listener goes, or the hub closes.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session, one := h.enter(h.cfg.Client(r))
	if one == nil {
		h.cfg.Refuse(w, r)
		return
	}
	defer h.leave(session, one)
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // proxies that know it pass each event on at once
	header.Add("Vary", "Accept-Encoding")
	out := &output{control: http.NewResponseController(w), w: w, timeout: h.cfg.WriteTimeout}
	if accept.Takes(r.Header["Accept-Encoding"], "gzip") {
		header.Set("Content-Encoding", "gzip")
		out.packed = &packed{}
	}
	w.WriteHeader(http.StatusOK)
	out.WriteString("retry: 1000\n\n")
	out.events(session.source.Begin())
	defer out.end()
	beat := time.NewTicker(h.cfg.Heartbeat)
	defer beat.Stop()
	for out.flush() == nil {
		select {
		case <-one.wake:
			out.events(one.take())
			beat.Reset(h.cfg.Heartbeat)
		case <-beat.C:
			out.WriteString(":\n\n")
		case <-one.over:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// output gathers what is sent at once.
type output struct {
	bytes.Buffer
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	packed  *packed // nil for who does not take it
}

func (o *output) events(all []Event) {
	for _, e := range all {
		o.WriteString("event: ")
		o.WriteString(e.Name)
		o.WriteString("\ndata: ")
		o.Write(e.Data)
		o.WriteString("\n\n")
	}
}

// flush sends what was gathered, or says that the listener does not take it.
func (o *output) flush() error {
	// A writer that knows no deadlines is a test's.
	_ = o.control.SetWriteDeadline(time.Now().Add(o.timeout))
	text := o.Bytes()
	if o.packed != nil {
		text = o.packed.pack(text)
	}
	_, err := o.w.Write(text)
	o.Reset()
	if err != nil {
		return err
	}
	return o.control.Flush()
}

// end says that nothing follows, and gives the connection back as it was: it may
// serve other requests.
func (o *output) end() {
	if o.packed != nil {
		_, _ = o.w.Write(o.packed.end()) // the listener may have gone
	}
	_ = o.control.SetWriteDeadline(time.Time{})
}
