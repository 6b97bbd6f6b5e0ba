package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/traffic"
)

// Function is what is deployed: the objects of one function, in the order to apply
// them. One of them is its Service.
type Function struct {
	Name    string // of the Service
	Objects []cluster.Object
}

// Options say how to deploy. The zero value waits and gives all traffic to what is
// deployed.
type Options struct {
	Traffic traffic.Wish

	// By is who deploys; the Service keeps it with the traffic. "" is not known.
	By string

	// NoWait ends the deploy when the objects are applied. The traffic stays where it
	// is then; what the function had and its spec says no more goes at once.
	NoWait bool

	// Timeout is how long to wait; 0 is 2 minutes.
	Timeout time.Duration

	// DryRun lets the cluster check the objects, and changes nothing.
	DryRun bool

	// Tell is given a line for each thing that happens; it may be called at once. Nil
	// discards them.
	Tell func(function, line string)
}

const defaultTimeout = 2 * time.Minute

// Result is what became of a function.
type Result struct {
	Function  string        `json:"function"`
	Namespace string        `json:"namespace"`
	Revision  string        `json:"revision,omitzero"` // that the objects stand for; "" if that was not awaited
	Changed   bool          `json:"changed"`           // it is a new one
	Ready     bool          `json:"ready"`
	Traffic   traffic.Split `json:"traffic,omitzero"`
	Note      string        `json:"note,omitzero"` // what a person might not expect of the traffic
	URL       string        `json:"url,omitzero"`
}

// Error says that a function was not deployed, and why.
type Error struct {
	Function string
	Revision string // that is not ready; "" if it did not come to that
	Reason   string
	Keeps    string // the traffic that stays, in a line; "" if there is none
	Timeout  time.Duration
	err      error
}

// Error is all of it in a line.
func (e *Error) Error() string {
	text := e.Function + ": "
	if e.Revision != "" {
		text += e.Revision + " is not ready"
		if e.Timeout > 0 {
			text += fmt.Sprintf(" after %s", e.Timeout)
		}
		text += ": "
	}
	text += e.Reason
	if e.Keeps != "" {
		text += "; the traffic stays as it was, " + e.Keeps
	}
	return text
}

// Unwrap returns what the cluster answered, if that was it.
func (e *Error) Unwrap() error { return e.err }

// All deploys functions at once. The results are in the functions' order, without
// those that failed; the error holds an [Error] for each of these.
func All(ctx context.Context, c *cluster.Cluster, functions []Function, o Options) ([]Result, error) {
	results, failed := make([]*Result, len(functions)), make([]error, len(functions))
	var running sync.WaitGroup
	for i, f := range functions {
		running.Go(func() { results[i], failed[i] = New(ctx, c, f, o) })
	}
	running.Wait()
	var done []Result
	for _, r := range results {
		if r != nil {
			done = append(done, *r)
		}
	}
	return done, errors.Join(failed...)
}

// New deploys one function.
func New(ctx context.Context, c *cluster.Cluster, f Function, o Options) (*Result, error) {
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	d := &deployment{
		cluster: c, function: f, options: o, told: map[string]string{},
		result: Result{Function: f.Name, Namespace: c.Namespace()},
	}
	if err := d.run(ctx); err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			return nil, e
		}
		reason := err.Error()
		switch {
		case errors.Is(err, context.Canceled):
			reason = "interrupted; what was applied stays"
		case errors.Is(err, context.DeadlineExceeded):
			reason = fmt.Sprintf("%s was not done after %s: the cluster's API does not answer", d.doing, o.Timeout)
		}
		return nil, &Error{Function: f.Name, Reason: reason, Keeps: d.keeps(), err: err}
	}
	return &d.result, nil
}

// deployment is one deploy of a function.
type deployment struct {
	cluster  *cluster.Cluster
	function Function
	options  Options
	result   Result
	doing    string             // what the API is asked for
	service  *servingv1.Service // as it was before; nil if it was not there
	told     map[string]string  // the last line of each condition
}

func (d *deployment) tell(format string, args ...any) {
	if d.options.Tell != nil {
		d.options.Tell(d.function.Name, fmt.Sprintf(format, args...))
	}
}

// keeps is the traffic that a failed deploy leaves as it was.
func (d *deployment) keeps() string {
	if d.service == nil || d.result.Traffic != nil {
		return ""
	}
	if split := traffic.Of(d.service); len(split.Serving()) > 0 {
		return split.String()
	}
	return ""
}

func (d *deployment) run(ctx context.Context) error {
	if err := d.read(ctx); err != nil {
		return err
	}
	if d.options.DryRun {
		applied, err := d.apply(ctx)
		if err != nil {
			return err
		}
		d.result.Changed = d.isNew(applied)
		return d.takeAway(ctx, d.options.Traffic.None || d.options.Traffic.Canary > 0)
	}
	if err := d.pin(ctx); err != nil {
		return err
	}
	applied, err := d.apply(ctx)
	if err != nil {
		return err
	}
	d.result.Changed = d.isNew(applied)
	if d.options.NoWait {
		return d.takeAway(ctx, false)
	}
	w := d.watch(ctx)
	defer w.end()
	r, err := w.revision(ctx, applied.Service)
	if err != nil {
		return err
	}
	d.result.Revision, d.result.Ready = r, true
	d.tell("revision %s is ready", r)
	now, err := d.move(ctx, r)
	if err != nil {
		return err
	}
	if err := d.takeAway(ctx, d.result.Traffic.Percent(r) < 100); err != nil {
		return err
	}
	return w.route(ctx, now)
}

// isNew reports whether applying the Service has changed it.
func (d *deployment) isNew(applied cluster.Applied) bool {
	return d.service == nil || applied.Generation != d.service.Generation
}

// pin gives what the latest revision has to the one that has it now. Who set that split is
// not known: it may be Knative.
func (d *deployment) pin(ctx context.Context) error {
	if d.service == nil {
		return nil
	}
	d.doing = "pinning the traffic"
	now, err := d.setTraffic(ctx, func(s *servingv1.Service) traffic.Split {
		if split := traffic.Of(s); len(split.Serving()) > 0 {
			return split
		}
		return nil // no revision was ready yet: there is nothing to keep
	}, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", d.doing, err)
	}
	if now.Generation != d.service.Generation {
		d.tell("the traffic stays with the revisions that have it: %s", traffic.Of(now))
	}
	d.service = now
	return nil
}

// apply applies the objects, and returns what became of the Service.
func (d *deployment) apply(ctx context.Context) (service cluster.Applied, err error) {
	for _, o := range d.function.Objects {
		d.doing = "applying the " + o.Kind()
		options := cluster.ApplyOptions{DryRun: d.options.DryRun}
		applied, err := d.cluster.Apply(ctx, o, options)
		if conflict, ok := errors.AsType[*cluster.ConflictError](err); ok {
			for _, field := range conflict.Fields {
				d.tell("taking back what others changed: %s", field)
			}
			options.Force = true
			applied, err = d.cluster.Apply(ctx, o, options)
		}
		if err != nil {
			return service, fmt.Errorf("%s: %w", o.Kind(), err)
		}
		for _, warning := range applied.Warnings {
			d.tell("%s: %s", o.Kind(), warning)
		}
		if o.Kind() == "Service" {
			service = applied
		}
	}
	return service, nil
}

// move moves the traffic now that a revision is ready.
func (d *deployment) move(ctx context.Context, revision string) (*servingv1.Service, error) {
	d.doing = "moving the traffic"
	now, err := d.setTraffic(ctx, func(s *servingv1.Service) (next traffic.Split) {
		var before traffic.Split
		if d.service != nil { // of a first revision Knative may or may not have said by now that it has all
			before = traffic.Of(s)
		}
		next, d.result.Note = before.Deploy(revision, d.options.Traffic)
		return next
	}, d.mark)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.doing, err)
	}
	d.result.Traffic = traffic.Of(now)
	if d.result.Note != "" {
		d.tell("%s", d.result.Note)
	}
	d.tell("traffic: %s", d.result.Traffic)
	return now, nil
}

// attempts is how often a change of the traffic is tried: Knative itself writes to a
// Service too.
const attempts = 10

// mark is what a Service keeps with a split that the deploy has made.
func (d *deployment) mark(split traffic.Split) map[string]string {
	return split.Mark(d.options.By, time.Now()).Annotations()
}

// setTraffic replaces the traffic by what next makes of the Service as it is; nil is
// no change.
func (d *deployment) setTraffic(ctx context.Context, next func(*servingv1.Service) traffic.Split, mark func(traffic.Split) map[string]string) (*servingv1.Service, error) {
	for left := attempts; ; left-- {
		s, err := d.cluster.Service(ctx, d.function.Name)
		if err != nil {
			return nil, err
		}
		split := next(s)
		if split == nil || traffic.Pinned(s) && split.Equal(traffic.Of(s)) {
			return s, nil
		}
		var marked map[string]string
		if mark != nil {
			marked = mark(split)
		}
		now, err := d.cluster.SetTraffic(ctx, s, split.Targets(), marked)
		if err == nil || !cluster.Changed(err) || left == 0 {
			return now, err
		}
	}
}
