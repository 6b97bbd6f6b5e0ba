package console

import (
	"maps"
	"net/url"
	"slices"
	"sync/atomic"

	"github.com/modelfn/modelfn/framework"
)

// Discovery tells which models there are.
type Discovery interface {
	// Models returns the models by name. It is called for every request, so it
	// returns at once, and nobody changes the map that it returned: another
	// state is another map.
	Models() map[string]*Model

	// Registry returns the params registry; nil if there is none. It is called as
	// Models is.
	Registry() *Model
}

// Model is one model, or the registry, and where it answers. It must not be copied after its
// first use. What follows Instances is for the page; all of it may be zero.
type Model struct {
	// Instances are the base URLs, http://host:port, of the instances that are
	// ready; none while the model starts. One that Knative scales to zero has the
	// address that starts it.
	Instances []*url.URL

	// Description and Signature are what the model's program says with --describe.
	Description string
	Signature   *framework.Signature

	// State says how the model is; "" is ready with instances, and starting without.
	// Reason says why it is not ready.
	State  State
	Reason string

	// Revisions are the newest first, LeftOut is how many others there are, Split names
	// the state of their traffic, and Set is who set it; all for a [Manager] alone.
	Revisions []Revision
	LeftOut   int
	Split     string
	Set       *TrafficSet

	turn atomic.Uint32
}

// next returns the instance whose turn it is, nil if none is ready.
func (m *Model) next() *url.URL {
	if m == nil || len(m.Instances) == 0 {
		return nil
	}
	return m.Instances[int(m.turn.Add(1))%len(m.Instances)]
}

// sortedNames returns the names of the models in order.
func sortedNames(models map[string]*Model) []string {
	return slices.Sorted(maps.Keys(models))
}
