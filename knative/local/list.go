package local

import (
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/knative/console"
)

// Instance is the state of one program.
type Instance struct {
	Name     string // of the instance; its log is called so
	Model    string // or component, that it answers for; "" for the registry
	URL      string // http://127.0.0.1:port; it stays over restarts
	PID      int    // 0 while it does not run
	Ready    bool
	Restarts int
}

// list knows the state of every instance. It is the gateway's discovery.
type list struct {
	models   atomic.Pointer[map[string]*console.Model]
	registry atomic.Pointer[console.Model] // nil without one

	mu           sync.Mutex // guards what follows
	instances    []Instance
	descriptions map[string]framework.Description
}

var _ console.Discovery = (*list)(nil)

// newList returns a list of the programs' instances, none of them running.
func newList(programs []program) *list {
	l := &list{descriptions: map[string]framework.Description{}}
	for _, p := range programs {
		l.instances = append(l.instances, Instance{Name: p.name, Model: p.model})
	}
	l.publish()
	return l
}

// Models returns the models with their ready instances.
func (l *list) Models() map[string]*console.Model { return *l.models.Load() }

// Registry returns the registry, with its instance if that is ready; nil if the run
// has none.
func (l *list) Registry() *console.Model { return l.registry.Load() }

// update changes the state of the instance with a name.
func (l *list) update(name string, change func(*Instance)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.instances {
		if l.instances[i].Name == name {
			change(&l.instances[i])
		}
	}
	l.publish()
}

// describe notes what a model's program says of itself.
func (l *list) describe(model string, d framework.Description) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.descriptions[model] = d
	l.publish()
}

// publish makes what the gateway sees; the caller holds the lock.
func (l *list) publish() {
	models := make(map[string]*console.Model, len(l.instances))
	for _, i := range l.instances {
		m := models[i.Model]
		if m == nil {
			m = &console.Model{}
			if d, ok := l.descriptions[i.Model]; ok {
				m.Description, m.Signature = d.Description, &d.Signature
			}
			models[i.Model] = m
		}
		if i.Ready {
			u, err := url.Parse(i.URL)
			if err != nil {
				panic(err) // the run wrote it
			}
			m.Instances = append(m.Instances, u)
		}
		if !i.Ready && i.Restarts > 0 {
			m.Reason = fmt.Sprintf("%s ended, and is started again; its log says why", i.Name)
		}
	}
	for _, m := range models {
		switch {
		case len(m.Instances) > 0:
			m.Reason = ""
		case m.Reason != "":
			m.State = console.StateFailing
		}
	}
	l.registry.Store(models[""])
	delete(models, "")
	l.models.Store(&models)
}

func (l *list) all() []Instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.instances)
}

// url returns where the instance with a name answers, "" if that is not known yet.
func (l *list) url(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, i := range l.instances {
		if i.Name == name {
			return i.URL
		}
	}
	return ""
}
