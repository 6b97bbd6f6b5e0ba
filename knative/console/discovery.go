package console

import (
	"maps"
	"net/url"
	"slices"
	"sync/atomic"
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
// first use.
type Model struct {
	// Instances are the base URLs, http://host:port, of the instances that are
	// ready; none while the model starts.
	Instances []*url.URL

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
