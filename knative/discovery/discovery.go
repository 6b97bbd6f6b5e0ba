package discovery

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/console"
)

// Discovery follows the models of a namespace. Make one with [New].
type Discovery struct {
	cluster  *cluster.Cluster
	mirror   *cluster.Mirror
	complete chan struct{} // closed when all has been read once
	seen     atomic.Pointer[Models]
	answered map[types.UID]bool // Services that were reachable once; Run's own
	log      *slog.Logger
}

var _ console.Manager = (*Discovery)(nil)

// Models are those of a namespace.
type Models struct {
	Models   map[string]*console.Model
	Registry *console.Model // nil if there is none
}

// New returns a discovery of the models in the cluster's namespace; log is told when
// the API cannot be followed.
func New(c *cluster.Cluster, log *slog.Logger) *Discovery {
	d := &Discovery{cluster: c, complete: make(chan struct{}), answered: map[types.UID]bool{}, log: log}
	d.mirror = c.Mirror(cluster.MirrorConfig{Failed: func(err error) { log.Warn("the cluster's API is away", "error", err) }})
	d.seen.Store(&Models{Models: map[string]*console.Model{}})
	return d
}

// restBetween is how long changes gather before they are shown: Knative makes
// several at a time.
const restBetween = 50 * time.Millisecond

// Run follows the cluster until ctx ends.
func (d *Discovery) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { d.mirror.Run(ctx) })
	complete := false
	for {
		select {
		case <-d.mirror.Changed():
		case <-ctx.Done():
			return
		}
		if !d.mirror.Complete() {
			continue
		}
		d.seen.Store(d.look())
		if !complete {
			complete = true
			close(d.complete)
		}
		select {
		case <-time.After(restBetween):
		case <-ctx.Done():
			return
		}
	}
}

// Complete is closed when the models have been read for the first time.
func (d *Discovery) Complete() <-chan struct{} { return d.complete }

// Models returns the models by name.
func (d *Discovery) Models() map[string]*console.Model { return d.seen.Load().Models }

// Registry returns the registry of params; nil if there is none.
func (d *Discovery) Registry() *console.Model { return d.seen.Load().Registry }

// look makes of the mirror what the gateway sees.
func (d *Discovery) look() *Models {
	services := d.mirror.Services()
	there := map[types.UID]bool{}
	for _, s := range services {
		there[s.UID] = reachable(s) || d.answered[s.UID]
	}
	d.answered = there
	return gather(services, func(s *servingv1.Service) *console.Model {
		return describe(s, d.mirror.Revisions(s.Name), d.mirror.Pods(s.Name), there[s.UID])
	})
}

// Look reads the models of a namespace once.
func Look(ctx context.Context, c *cluster.Cluster) (*Models, error) {
	services, err := c.Services(ctx)
	if err != nil {
		return nil, err
	}
	revisions, err := c.Revisions(ctx, "")
	if err != nil {
		return nil, err
	}
	pods, err := c.Pods(ctx, "")
	if err != nil {
		return nil, err
	}
	return gather(services, func(s *servingv1.Service) *console.Model {
		own := slices.DeleteFunc(slices.Clone(revisions), func(r *servingv1.Revision) bool { return r.Labels[cluster.ServiceLabel] != s.Name })
		running := slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return p.Labels[cluster.ServiceLabel] != s.Name })
		return describe(s, own, running, reachable(s))
	}), nil
}

// gather tells the models among the Services, and the registry. Two Services of the
// same model are a mistake; the one that has the model's name is it then.
func gather(services []*servingv1.Service, model func(*servingv1.Service) *console.Model) *Models {
	all := &Models{Models: map[string]*console.Model{}}
	for _, s := range slices.SortedFunc(slices.Values(services), func(a, b *servingv1.Service) int { return cmp.Compare(a.Name, b.Name) }) {
		name := s.Labels[cluster.ModelLabel]
		switch {
		case s.DeletionTimestamp != nil:
		case s.Name == cluster.RegistryName:
			all.Registry = model(s)
		case name == "":
		case all.Models[name] == nil || s.Name == name:
			all.Models[name] = model(s)
		}
	}
	return all
}
