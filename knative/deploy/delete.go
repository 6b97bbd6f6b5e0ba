package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

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
		now, err := d.owned(ctx, o)
		if err != nil {
			return err
		}
		if now != nil && now.Field("metadata", "uid") != o.Field("metadata", "uid") {
			return nil // that one is gone, and somebody has deployed anew
		}
		o = now
	}
	return nil
}

// Delete takes a function out of the cluster, and returns when its revisions are gone, and
// what brings it events, which goes first. What is going already is waited for; it is an
// error if there is nothing at all. Params are the registry's, and stay, and so does what
// others have made. An error that is [context.DeadlineExceeded] says that it is going still.
func Delete(ctx context.Context, c *cluster.Cluster, function string) error {
	d := &deployment{cluster: c, function: Function{Name: function}}
	ours, err := d.ours(ctx)
	if err == nil && len(ours) == 0 {
		return d.missing()
	}
	for _, o := range ours {
		if err == nil {
			err = d.remove(ctx, o)
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %s was not done in time: the cluster's API does not answer", function, d.doing)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", function, err)
	}
	for _, o := range ours {
		if err := d.gone(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", function, err)
		}
	}
	return nil
}

// ours returns what is there of the function, the Service last. The error is errNoModel if
// that is another one, and there is nothing beside it.
func (d *deployment) ours(ctx context.Context) ([]cluster.Object, error) {
	s, failed := d.model(ctx)
	if failed != nil && !errors.Is(failed, errNoModel) {
		return nil, failed
	}
	list, err := d.needless(ctx)
	switch {
	case err != nil:
		return nil, err
	case s != nil:
		// Others may write to it until it is gone; it must be that one.
		list = append(list, cluster.Object{
			"apiVersion": "serving.knative.dev/v1", "kind": "Service",
			"metadata": map[string]any{"name": s.Name, "uid": string(s.UID)},
		})
	case len(list) == 0:
		return nil, failed
	}
	return list, nil
}

// gone waits until an object is gone that is being deleted. Another one of its name is not
// waited for.
func (d *deployment) gone(ctx context.Context, o cluster.Object) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		found, err := d.cluster.Get(ctx, o)
		switch {
		case cluster.Missing(err), err == nil && found.Field("metadata", "uid") != o.Field("metadata", "uid"):
			return nil
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			return fmt.Errorf("the %s is being deleted, and whether it is gone: %w", o.Kind(), err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the %s is being deleted, and not gone yet: %w", o.Kind(), ctx.Err())
		}
	}
}
