package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/params"
)

// replicaExpiry is how long a replica is listed after its last watch.
const replicaExpiry = 45 * time.Second

// Bounds of what is kept of the replicas: a caller can make up what it likes.
const (
	maxReplicas = 10_000 // of one model
	maxName     = 253    // bytes of a name or a revision, as of a host's name
	maxError    = 1000   // bytes
)

// replicas are those that watch here, by model and name. With several registry
// replicas, each knows its own.
type replicas struct {
	mu      sync.Mutex // guards what follows
	byModel map[string]map[string]seenReplica
	cleaned map[string]time.Time     // by model; when expired entries were dropped last
	changed map[string]chan struct{} // by model; closed when its list changes, but not when an entry expires
}

type seenReplica struct {
	params.Replica
	since, last time.Time
}

// Replica is one entry of GET /params/{model}/replicas.
type Replica struct {
	Name     string       `json:"name"`
	Revision string       `json:"revision"`
	Version  int64        `json:"version"`
	Digest   string       `json:"digest,omitzero"`
	State    params.State `json:"state"`
	Since    time.Time    `json:"since"` // when it first told this version and state
	Error    string       `json:"error,omitzero"`
}

var (
	states     = []params.State{params.Loading, params.Serving, params.Stale, params.Rejected, params.Draining}
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// replicaOf reads what a replica tells about itself; its name is empty if it tells
// nothing. An error that is too long is cut: it must not end the watch.
func replicaOf(h http.Header) (params.Replica, error) {
	value := h.Get(params.ReplicaHeader)
	if value == "" {
		return params.Replica{}, nil
	}
	who, err := params.ParseReplica(value)
	switch {
	case err != nil:
		return who, &fault.Error{Kind: fault.Invalid, Message: err.Error()}
	case !isText(who.Name) || !isText(who.Revision):
		return who, fault.Field(params.ReplicaHeader, "the name or the revision is over %d bytes, or no text", maxName)
	case who.Version < 0:
		return who, fault.Field(params.ReplicaHeader, "the version is negative")
	case who.Digest != "" && !digestForm.MatchString(who.Digest):
		return who, fault.Field(params.ReplicaHeader, "the digest is none")
	case !slices.Contains(states, who.State):
		return who, fault.Field(params.ReplicaHeader, "the state is none of %q", states)
	}
	if len(who.Error) > maxError {
		who.Error = who.Error[:maxError]
	}
	who.Error = strings.ToValidUTF8(who.Error, "")
	return who, nil
}

func isText(s string) bool { return len(s) <= maxName && utf8.ValidString(s) }

// saw notes what a replica tells about itself.
func (r *replicas) saw(model string, who params.Replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byModel == nil {
		r.byModel, r.cleaned = map[string]map[string]seenReplica{}, map[string]time.Time{}
	}
	if r.byModel[model] == nil {
		r.byModel[model] = map[string]seenReplica{}
	}
	all, now := r.byModel[model], time.Now()
	before, ok := all[who.Name]
	if !ok {
		// Each replica that starts is a new one, and maybe nobody ever asks for the list.
		if len(all) >= maxReplicas || now.Sub(r.cleaned[model]) > replicaExpiry {
			r.expire(model)
		}
		if len(all) >= maxReplicas {
			return
		}
	}
	if !ok || now.Sub(before.last) > replicaExpiry || before.Version != who.Version || before.Digest != who.Digest || before.State != who.State {
		before.since = now
	}
	all[who.Name] = seenReplica{who, before.since, now}
	if waiting := r.changed[model]; waiting != nil && (before.since.Equal(now) || before.Replica != who) {
		close(waiting)
		delete(r.changed, model)
	}
}

// news returns a channel that is closed when the list of a model changes.
func (r *replicas) news(model string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = map[string]chan struct{}{}
	}
	if r.changed[model] == nil {
		r.changed[model] = make(chan struct{})
	}
	return r.changed[model]
}

// expire drops the entries of a model that are too old. The lock is held.
func (r *replicas) expire(model string) {
	for name, seen := range r.byModel[model] {
		if time.Since(seen.last) > replicaExpiry {
			delete(r.byModel[model], name)
		}
	}
	if r.byModel[model] != nil {
		r.cleaned[model] = time.Now()
	}
}

// list returns the replicas of a model, ordered by name.
func (r *replicas) list(model string) []Replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(model)
	list := make([]Replica, 0, len(r.byModel[model]))
	for _, s := range r.byModel[model] {
		list = append(list, Replica{s.Name, s.Revision, s.Version, s.Digest, s.State, s.since.UTC(), s.Error})
	}
	slices.SortFunc(list, func(a, b Replica) int { return strings.Compare(a.Name, b.Name) })
	return list
}
