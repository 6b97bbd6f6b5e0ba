package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/knative/registry"
)

// known is what is known of the registry's current documents, by model. It is
// immutable.
type known struct {
	state RegistryState
	docs  map[string]ParamsInfo
}

// asked keeps what the registry said last.
type asked struct {
	stale atomic.Bool // the next request asks again

	mu    sync.Mutex // guards what follows; whoever asks holds it, and others wait for the answer
	at    time.Time
	known known
}

const (
	listFor     = time.Second            // how long an answer is good
	listTimeout = 500 * time.Millisecond // after which the page gets what is known
)

// askKnown returns the current documents; those that were known last if the registry
// is away.
func (g *Gateway) askKnown(ctx context.Context) known {
	if g.discovery.Registry() == nil {
		return known{state: RegistryNone}
	}
	g.asked.mu.Lock()
	defer g.asked.mu.Unlock()
	if !g.asked.stale.Swap(false) && time.Since(g.asked.at) < listFor {
		return g.asked.known
	}
	// The answer is for all who wait, so it does not end with one of them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
	defer cancel()
	list, err := g.client.List(ctx)
	if err != nil {
		g.log.Warn("the registry does not list the params", "error", err.Error())
		g.asked.known.state = RegistryAway
	} else {
		g.asked.known = known{state: RegistryReady, docs: infosOf(list)}
	}
	g.asked.at = time.Now()
	return g.asked.known
}

func infosOf(list map[string]params.Document) map[string]ParamsInfo {
	docs := make(map[string]ParamsInfo, len(list))
	for name, d := range list {
		docs[name] = infoOf(&d)
	}
	return docs
}

// infoOf is a document without its content.
func infoOf(d *params.Document) ParamsInfo {
	info := ParamsInfo{
		Version: d.Version, Digest: d.Digest, Requires: []Required{},
		Author: d.Author, Message: d.Message, Created: d.Created, Held: d.Held,
	}
	for _, name := range d.RequiredNames() {
		pin := d.Requires[name]
		info.Requires = append(info.Requires, Required{Name: name, Version: pin.Version, Digest: pin.Digest})
	}
	return info
}

// overview makes the list of models: those that are deployed, and what else the
// registry has params of.
func (g *Gateway) overview(k known) ModelList {
	list := ModelList{Managed: g.manager != nil, SignIn: !g.open, Registry: k.state, Models: []ModelInfo{}}
	deployed := g.discovery.Models()
	required := map[string]bool{}
	for _, d := range k.docs {
		for _, r := range d.Requires {
			required[r.Name] = true
		}
	}
	for name, m := range deployed {
		info := m.info(name)
		if required[name] {
			info.Kind = KindComponent
		}
		list.Models = append(list.Models, info)
	}
	for name := range k.docs {
		if deployed[name] != nil {
			continue
		}
		info := ModelInfo{Name: name, Kind: KindModel, State: StateAbsent, Revisions: []Revision{}}
		if required[name] {
			info.Kind, info.State = KindComponent, StateInside
		}
		list.Models = append(list.Models, info)
	}
	for i := range list.Models {
		if d, ok := k.docs[list.Models[i].Name]; ok {
			list.Models[i].Params = &d
		}
	}
	slices.SortFunc(list.Models, func(a, b ModelInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// info is what the page is told of a model that is deployed, its params aside.
func (m *Model) info(name string) ModelInfo {
	info := ModelInfo{
		Name: name, Kind: KindModel, Description: m.Description, Signature: m.Signature,
		State: m.State, Reason: m.Reason, Revisions: m.Revisions, LeftOut: m.LeftOut, Split: m.Split, TrafficSet: m.Set,
	}
	switch {
	case info.State != "":
	case len(m.Instances) > 0:
		info.State = StateReady
	default:
		info.State = StateStarting
	}
	if info.Revisions == nil {
		info.Revisions = []Revision{}
	}
	return info
}

// showModels answers with the list of models.
func (g *Gateway) showModels(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	answerJSON(w, http.StatusOK, g.overview(g.askKnown(r.Context())))
}

// newClient returns a client that asks the registry as the gateway does.
func (g *Gateway) newClient() (*registry.Client, error) {
	client, err := registry.New("http://"+registryName, "") // the instance is filled in for each attempt
	if err != nil {
		return nil, err
	}
	return client.Through(ownRequests{g}), nil
}

// ownRequests sends the gateway's own requests, all of which read, to the registry.
type ownRequests struct{ g *Gateway }

// RoundTrip sends one.
func (o ownRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	c := &call{route: route{action: askRegistry, path: r.URL.Path}, who: "the registry", repeats: true}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	r.Host = "" // the instance's own
	return patientTransport(o).RoundTrip(r)
}
