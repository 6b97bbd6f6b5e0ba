package console

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/knative/console/live"
)

// watch is what the live stream tells of, while somebody listens.
type watch struct {
	g       *Gateway
	publish func(live.Event)
	reads   chan struct{} // a place for each read of a history: all models begin at once

	mu        sync.Mutex // guards what follows
	models    []byte     // the event, nil until it was made
	known     known
	followers map[string]*follower
}

var _ live.Source = (*watch)(nil)

// readsAtOnce is how many histories are read at once.
const readsAtOnce = 8

func newWatch(g *Gateway) live.Source {
	return &watch{g: g, reads: make(chan struct{}, readsAtOnce), followers: map[string]*follower{}}
}

// listEvery is how often the registry is asked whether it has models that were not
// known. The known ones are followed one by one.
func (w *watch) listEvery() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known.state == RegistryReady {
		return 10 * time.Second
	}
	return listFor
}

// Run looks at the models once a second, and follows the params of each.
func (w *watch) Run(ctx context.Context, publish func(live.Event)) {
	w.publish = publish
	var running sync.WaitGroup
	defer running.Wait()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var listed time.Time
	told := time.Now().Unix() - 1 // the last second that was told of
	for {
		if every := w.listEvery(); time.Since(listed) >= every {
			w.list(ctx)
			listed = time.Now()
		}
		w.follow(ctx, &running)
		w.showModels()
		select {
		case now := <-second.C:
			for ; told < now.Unix()-1; told++ {
				w.tell("stats", "", w.g.tallies.stats(told+1))
			}
		case <-ctx.Done():
			return
		}
	}
}

// Begin implements [live.Source].
func (w *watch) Begin() []live.Event {
	w.mu.Lock()
	models := w.models
	followers := make([]*follower, 0, len(w.followers))
	for _, name := range slices.Sorted(maps.Keys(w.followers)) {
		followers = append(followers, w.followers[name])
	}
	w.mu.Unlock()
	var events []live.Event
	if models != nil {
		events = append(events, live.Event{Name: "models", Data: models})
	}
	events = append(events, newEvent("history", "", historyData{w.g.tallies.history(time.Now())}))
	var log []ParamsEvent
	for _, f := range followers {
		versions, replicas := f.begin()
		log = append(log, versions...)
		events = append(events, replicas...)
	}
	return append(events, logEvent(log))
}

type (
	historyData struct {
		Seconds []Stats `json:"seconds"`
	}
	logData struct {
		Events []ParamsEvent `json:"events"`
	}
)

// logEvent tells of versions that came before.
func logEvent(versions []ParamsEvent) live.Event {
	log := logData{Events: append([]ParamsEvent{}, versions...)}
	slices.SortFunc(log.Events, func(a, b ParamsEvent) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.Model, b.Model), cmp.Compare(b.Version, a.Version))
	})
	return newEvent("log", "", log)
}

// list asks the registry for the models that it has, and the current documents of
// those that are not followed.
func (w *watch) list(ctx context.Context) {
	known := w.g.askKnown(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	docs := maps.Clone(known.docs)
	for name := range w.followers {
		if d, ok := w.known.docs[name]; ok && docs != nil && d.Version > docs[name].Version {
			docs[name] = d // it was seen since
		}
	}
	known.docs = docs
	w.known = known
}

// follow starts to follow the models that are new, and ends it for those that are
// gone.
func (w *watch) follow(ctx context.Context, running *sync.WaitGroup) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known.state == RegistryNone {
		return
	}
	there := map[string]bool{}
	for name := range w.known.docs {
		there[name] = true
	}
	for name := range w.g.discovery.Models() {
		there[name] = true
	}
	for name, f := range w.followers {
		if !there[name] {
			f.end()
			delete(w.followers, name)
		}
	}
	for name := range there {
		if w.followers[name] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		f := newFollower(w, name, cancel)
		w.followers[name] = f
		running.Go(func() { f.run(ctx) })
	}
}

// learn notes what is current of a model.
func (w *watch) learn(model string, d ParamsInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	docs := maps.Clone(w.known.docs)
	if docs == nil {
		docs = map[string]ParamsInfo{}
	}
	docs[model] = d
	w.known = known{RegistryReady, docs}
}

// poke makes the followers of a model look at once, of all if it is "".
func (w *watch) poke(model string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, f := range w.followers {
		if model == "" || name == model {
			f.poke()
		}
	}
}

// showModels publishes the models if they changed.
func (w *watch) showModels() {
	w.mu.Lock()
	known, before := w.known, w.models
	w.mu.Unlock()
	e := newEvent("models", "models", w.g.overview(known))
	if bytes.Equal(e.Data, before) {
		return
	}
	w.mu.Lock()
	w.models = e.Data
	w.mu.Unlock()
	w.publish(e)
}

// tell publishes one event.
func (w *watch) tell(name, key string, data any) { w.publish(newEvent(name, key, data)) }

func newEvent(name, key string, data any) live.Event {
	text, err := json.Marshal(data, json.Deterministic(true))
	if err != nil {
		panic("an event of the gateway cannot be written: " + err.Error())
	}
	return live.Event{Name: name, Key: key, Data: text}
}
