package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/serve"
)

// broker takes events from the registry and delivers them as a Knative Broker does
// that has a Trigger for every model that wants events: each to one replica of the
// model that it is about. It answers at once; what cannot be delivered is tried again
// after a while, and dropped in the end.
type broker struct {
	list   *list
	deaf   map[string]bool // the models without a Trigger
	log    *slog.Logger
	server *serve.Server
	client http.Client
	queue  chan delivery

	mu    sync.Mutex // guards turns
	turns map[string]int
}

// delivery is one event on its way.
type delivery struct {
	model  string // "" if no Trigger takes it
	id     string
	header http.Header // of the event in binary mode
	body   []byte
}

// How the broker delivers. The pauses and their number are those of Knative's
// default broker.
const (
	queueSize   = 1024 // events that wait; more are refused, and the registry sends them again
	atOnce      = 1024 // events under way, most of them between two attempts
	retries     = 10
	firstRetry  = 200 * time.Millisecond // doubled for each further one
	sendTimeout = 30 * time.Second
)

// newBroker opens a broker's port on loopback; run serves it.
func newBroker(l *list, deaf map[string]bool, log *slog.Logger) (*broker, error) {
	server, err := serve.Listen(serve.Config{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("the broker cannot listen: %w", err)
	}
	return &broker{
		list: l, deaf: deaf, log: log, server: server, queue: make(chan delivery, queueSize), turns: map[string]int{},
		client: http.Client{
			Timeout:       sendTimeout,
			Transport:     &http.Transport{IdleConnTimeout: 30 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// url is where events are sent to.
func (b *broker) url() string { return "http://" + b.server.Addr().String() }

// close lets go of the port; after run that has happened.
func (b *broker) close() { _ = b.server.Close() }

// run takes events and delivers them until ctx ends. What is not delivered by then
// is lost: a replica that starts asks the registry anyway.
func (b *broker) run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { b.dispatch(ctx) })
	if err := b.server.Serve(ctx, serve.Loopback(b.server.Addr(), b), http.NotFoundHandler()); err != nil {
		b.log.Error("the broker ended badly", "error", err.Error())
	}
	running.Wait()
	b.client.CloseIdleConnections()
}

// dispatch delivers what is in the queue, until ctx ends.
func (b *broker) dispatch(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	places := make(chan struct{}, atOnce)
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		select {
		case d := <-b.queue:
			running.Go(func() {
				defer func() { <-places }()
				b.deliver(ctx, d)
			})
		case <-ctx.Done():
			return
		}
	}
}

// Drain does nothing: an event is answered at once.
func (*broker) Drain() {}

// ServeHTTP takes one event in binary mode.
func (b *broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, status, err := receive(r)
	if err != nil {
		b.log.Warn("not an event", "error", err.Error())
		http.Error(w, err.Error(), status)
		return
	}
	select {
	case b.queue <- d:
		w.WriteHeader(http.StatusAccepted)
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many events wait", http.StatusServiceUnavailable)
	}
}

// receive reads an event from a request.
func receive(r *http.Request) (_ delivery, status int, err error) {
	if r.Method != http.MethodPost {
		return delivery{}, http.StatusMethodNotAllowed, errors.New("events are posted")
	}
	if r.Header.Get("Ce-Specversion") == "" {
		return delivery{}, http.StatusUnsupportedMediaType, errors.New("events are taken in binary mode")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, events.MaxSize))
	if err != nil {
		return delivery{}, http.StatusRequestEntityTooLarge, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	e, err := events.Read(r)
	if err != nil {
		return delivery{}, http.StatusBadRequest, err
	}
	d := delivery{id: e.ID, header: http.Header{}, body: body}
	if e.Type == events.ParamsChanged {
		d.model = e.Subject
	}
	for name, value := range r.Header {
		if strings.HasPrefix(name, "Ce-") || name == "Content-Type" || name == "Traceparent" {
			d.header[name] = value
		}
	}
	return d, 0, nil
}

// deliver delivers an event, if there is a model that it is about.
func (b *broker) deliver(ctx context.Context, d delivery) {
	for attempt := range retries + 1 {
		model := b.list.Models()[d.model]
		if model == nil || b.deaf[d.model] {
			return
		}
		err, again := errors.New("no replica is ready"), true
		if n := len(model.Instances); n > 0 {
			again, err = b.send(ctx, model.Instances[b.turn(d.model)%n].JoinPath("events").String(), d)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		log := b.log.With("id", d.id, "attempt", attempt+1, "error", err.Error())
		if !again || attempt == retries {
			log.Error("event dropped")
			return
		}
		log.Warn("event not delivered")
		select {
		case <-time.After(firstRetry << attempt):
		case <-ctx.Done():
			return
		}
	}
}

// turn counts the attempts for a model: its replicas take turns.
func (b *broker) turn(model string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turns[model]++
	return b.turns[model]
}

// send delivers an event to one replica; again says whether it may be tried again.
func (b *broker) send(ctx context.Context, url string, d delivery) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(d.body))
	if err != nil {
		return false, err
	}
	r.Header = d.header.Clone()
	resp, err := b.client.Do(r)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, events.MaxSize)) // a part of it is enough to know it is not empty
	switch s := resp.StatusCode; {
	case s/100 == 2 && len(body) == 0:
		return false, nil
	case s/100 == 2:
		return true, fmt.Errorf("the answer to an event has to be empty, or an event: %.100s", body)
	default:
		return retried(s), fmt.Errorf("the replica answers %s: %.100s", resp.Status, body)
	}
}

// retried reports whether Knative delivers an event again after this status.
func retried(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}
