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

// owned returns an object as it is there; nil if it is not, or if others have made it.
func (d *deployment) owned(ctx context.Context, o cluster.Object) (cluster.Object, error) {
	d.doing = "reading the " + o.Kind()
	found, err := d.cluster.Get(ctx, o)
	if cluster.Missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.doing, err)
	}
	label := func(name string) string { return found.Field("metadata", "labels", name) }
	if label(cluster.ModelLabel) != d.function.Name || label(cluster.ManagedByLabel) != cluster.Manager {
		return nil, nil
	}
	return found, nil
}

// needless returns what the function has beside its Service, and its spec says no more.
func (d *deployment) needless(ctx context.Context) (list []cluster.Object, err error) {
	for _, o := range beside(d.function.Name) {
		if slices.ContainsFunc(d.function.Objects, func(a cluster.Object) bool { return a.Kind() == o.Kind() && a.Name() == o.Name() }) {
			continue
		}
		found, err := d.owned(ctx, o)
		if err != nil {
			return nil, err
		}
		if found != nil {
			list = append(list, found)
		}
	}
	return list, nil
}

// takeAway deletes what is needless, unless revisions that may need it have traffic.
func (d *deployment) takeAway(ctx context.Context, others bool) error {
	list, err := d.needless(ctx)
	if err != nil {
		return err
	}
	for _, o := range list {
		if others {
			d.tell("the %s %s stays while other revisions have traffic; a deploy with --promote takes it away", o.Kind(), o.Name())
			continue
		}
		d.tell("the %s %s goes: the function has none any more", o.Kind(), o.Name())
		if d.options.DryRun {
			continue
		}
		if err := d.remove(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes an object that is the function's as long as it is: others may make it
// theirs, and Knative itself writes to it.
func (d *deployment) remove(ctx context.Context, o cluster.Object) error {
	for left := attempts; o != nil; left-- {
		d.doing = "deleting the " + o.Kind()
		_, err := d.cluster.Delete(ctx, o)
		if err == nil {
			return nil
		}
		if !cluster.Changed(err) || left == 0 {
			return fmt.Errorf("%s: %w", d.doing, err)
		}
		if o, err = d.owned(ctx, o); err != nil {
			return err
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
	owned, err := d.needless(ctx)
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
