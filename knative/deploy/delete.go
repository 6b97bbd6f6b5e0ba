package deploy

import (
	"context"
	"fmt"
	"time"

	"github.com/modelfn/modelfn/knative/cluster"
)

// Delete takes a function out of the cluster, and returns when its revisions are
// gone. First goes what brings it events. Params are the registry's, and stay.
func Delete(ctx context.Context, c *cluster.Cluster, function string) error {
	d := &deployment{cluster: c, function: Function{Name: function}}
	if err := d.mustBe(ctx); err != nil {
		return err
	}
	for _, o := range []cluster.Object{
		{"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": map[string]any{"name": function + "-params"}},
		{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": map[string]any{"name": function}},
	} {
		if _, err := c.Delete(ctx, o); err != nil {
			return fmt.Errorf("deleting the %s of %s: %w", o.Kind(), function, err)
		}
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if _, err := c.Service(ctx, function); cluster.Missing(err) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is being deleted, and not gone yet: %w", function, ctx.Err())
		}
	}
}
