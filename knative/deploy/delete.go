package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/modelfn/modelfn/knative/cluster"
)

// beside are the objects that a function may have beside its Service, as manifests name
// them.
func beside(function string) []cluster.Object {
	return []cluster.Object{
		{"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": map[string]any{"name": function + "-params"}},
	}
}

// owned returns those of them that are there, but for what others have made.
func (d *deployment) owned(ctx context.Context) ([]cluster.Object, error) {
	var list []cluster.Object
	for _, o := range beside(d.function.Name) {
		d.doing = "reading the " + o.Kind()
		found, err := d.cluster.Get(ctx, o)
		if cluster.Missing(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.doing, err)
		}
		label := func(name string) string { return found.Field("metadata", "labels", name) }
		if label(cluster.ModelLabel) == d.function.Name && label(cluster.ManagedByLabel) == cluster.Manager {
			list = append(list, found)
		}
	}
	return list, nil
}

// takeAway deletes what the function had beside its Service and has no more.
func (d *deployment) takeAway(ctx context.Context) error {
	owned, err := d.owned(ctx)
	if err != nil {
		return err
	}
	for _, o := range owned {
		if slices.ContainsFunc(d.function.Objects, func(a cluster.Object) bool { return a.Kind() == o.Kind() && a.Name() == o.Name() }) {
			continue
		}
		d.tell("the %s %s goes: the function has none any more", o.Kind(), o.Name())
		if d.options.DryRun {
			continue
		}
		d.doing = "deleting the " + o.Kind()
		if _, err := d.cluster.Delete(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", d.doing, err)
		}
	}
	return nil
}

// Delete takes a function out of the cluster, and returns when its revisions are
// gone. First goes what brings it events. Params are the registry's, and stay, and so
// does what others have made.
func Delete(ctx context.Context, c *cluster.Cluster, function string) error {
	d := &deployment{cluster: c, function: Function{Name: function}}
	if err := d.mustBe(ctx); err != nil {
		return err
	}
	owned, err := d.owned(ctx)
	if err != nil {
		return err
	}
	service := cluster.Object{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": map[string]any{"name": function}}
	for _, o := range append(owned, service) {
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
