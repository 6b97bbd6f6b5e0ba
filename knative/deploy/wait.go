package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"knative.dev/pkg/apis"
	duck "knative.dev/pkg/apis/duck/v1"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
)

// Times of a wait.
const (
	lookEvery = 500 * time.Millisecond // beside each change
	settle    = 3 * time.Second        // a trouble must last, to be final
	askEvery  = 2 * time.Second        // a program that is not ready, why
)

// watch follows what belongs to the function.
type watch struct {
	d       *deployment
	mirror  *cluster.Mirror
	end     func()
	refused chan error            // holds why the API may not be followed
	away    atomic.Pointer[error] // why it could not be followed, last

	since  time.Time // when the trouble became final; zero if it is not
	asked  time.Time
	reason string // the last trouble
	answer string // of the program that is not ready
}

func (d *deployment) watch(ctx context.Context) *watch {
	w := &watch{d: d, refused: make(chan error, 1)}
	w.mirror = d.cluster.Mirror(cluster.MirrorConfig{Service: d.function.Name, Failed: w.failed})
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { w.mirror.Run(ctx) })
	w.end = func() {
		cancel()
		running.Wait()
	}
	return w
}

// failed is told why the API does not answer: that it never will is an end, all
// else passes.
func (w *watch) failed(err error) {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		select {
		case w.refused <- err:
		default: // one is enough
		}
	}
	w.away.Store(&err)
}

// until waits until done says so, or fails.
func (w *watch) until(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if w.mirror.Complete() {
			if ok, err := done(); ok || err != nil {
				return err
			}
		}
		select {
		case <-w.mirror.Changed():
		case <-tick.C:
		case err := <-w.refused:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// service is the Service as the mirror has it; nil if it is not there.
func (w *watch) service() *servingv1.Service {
	for _, s := range w.mirror.Services() {
		return s
	}
	return nil
}

// revision waits until the revision is ready that a Service as it was applied stands
// for, and returns its name. Others may change the traffic meanwhile, but not what is to
// run: the revision would be theirs.
func (w *watch) revision(ctx context.Context, applied *servingv1.Service) (name string, err error) {
	err = w.until(ctx, func() (bool, error) {
		s := w.service()
		if s == nil || s.Generation < applied.Generation {
			return false, nil // the mirror is behind
		}
		if !equality.Semantic.DeepEqual(s.Spec.Template, applied.Spec.Template) {
			return false, &Error{Function: w.d.function.Name, Reason: "another deploy came meanwhile, and what is to run is that one's"}
		}
		if !observed(s) {
			return false, nil // Knative is behind
		}
		w.conditions("", s.Status.Conditions, servingv1.ServiceConditionConfigurationsReady)
		var trouble cluster.Trouble
		if name, trouble = made(s); name == "" {
			return false, w.bear("", trouble)
		}
		return w.ready(ctx, name)
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return "", w.late(name)
	}
	return name, err
}

// notedAlone is the reason of what Knative has noted as observed though it could not do
// what that asks for, and tries again; as knative.dev/pkg/reconciler says it, unexported.
const notedAlone = "NewObservedGenFailure"

// observed reports whether the status of a Service is that of its spec.
func observed(s *servingv1.Service) bool {
	ready := s.Status.GetCondition(servingv1.ServiceConditionReady)
	return s.Status.ObservedGeneration == s.Generation && (ready == nil || ready.Reason != notedAlone)
}

// routed reports whether the Route divides the traffic as a Service says.
func routed(s *servingv1.Service) bool {
	percents := func(targets []servingv1.TrafficTarget) map[string]int64 {
		all := map[string]int64{}
		for _, t := range targets {
			if t.Percent != nil && *t.Percent > 0 {
				all[cmp.Or(t.RevisionName, s.Status.LatestReadyRevisionName)] += *t.Percent
			}
		}
		return all
	}
	return maps.Equal(percents(s.Spec.Traffic), percents(s.Status.Traffic))
}

// deniedForm is how the API says that a webhook or a policy is against something.
var deniedForm = regexp.MustCompile(`denied (?:the )?request\b`)

// made returns the revision that a Service's present template has become; "" if that
// is still to come, with the trouble about it. Knative tries again whatever it was that
// it could not make a revision for; what was denied will be denied again.
func made(s *servingv1.Service) (string, cluster.Trouble) {
	c := s.Status.GetCondition(servingv1.ServiceConditionConfigurationsReady)
	if c == nil || c.Reason == "OutOfDate" || c.Reason == notedAlone {
		return "", cluster.Trouble{}
	}
	if c.IsFalse() && strings.HasPrefix(c.Message, "Revision creation failed") {
		return "", cluster.Trouble{Reason: c.Message, Final: deniedForm.MatchString(c.Message)}
	}
	return s.Status.LatestCreatedRevisionName, cluster.Trouble{}
}

// ready looks at a revision: whether it is ready, and else why not. The error is
// that it will not be.
func (w *watch) ready(ctx context.Context, name string) (bool, error) {
	var r *servingv1.Revision
	for _, one := range w.mirror.Revisions(w.d.function.Name) {
		if one.Name == name {
			r = one
		}
	}
	if r == nil {
		return false, nil
	}
	w.conditions(name+" ", r.Status.Conditions, servingv1.RevisionConditionResourcesAvailable, servingv1.RevisionConditionContainerHealthy)
	if cluster.Ready(r) {
		return true, nil
	}
	trouble := cluster.Diagnose(r, w.mirror.Pods(w.d.function.Name))
	if trouble.Unready != nil {
		trouble.Reason = w.ask(ctx, r, trouble.Unready, trouble.Reason)
	}
	return false, w.bear(name, trouble)
}

// bear tells of the trouble with a revision, "" for one that is not made, and is an error
// once that has been final for long enough.
func (w *watch) bear(revision string, trouble cluster.Trouble) error {
	if w.reason != trouble.Reason {
		w.reason = trouble.Reason
		if trouble.Reason != "" {
			w.d.tell("%s: %s", cmp.Or(revision, "no revision yet"), trouble.Reason)
		}
	}
	switch {
	case !trouble.Final:
		w.since = time.Time{}
	case w.since.IsZero():
		w.since = time.Now()
	case time.Since(w.since) >= settle:
		return &Error{Function: w.d.function.Name, Revision: revision, Reason: trouble.Reason, Keeps: w.d.keeps()}
	}
	return nil
}

// conditions tells of those conditions that have changed.
func (w *watch) conditions(of string, all duck.Conditions, kinds ...apis.ConditionType) {
	for _, kind := range kinds {
		for _, c := range all {
			if c.Type != kind {
				continue
			}
			text := of + said(c)
			if w.d.told[of+string(kind)] != text {
				w.d.told[of+string(kind)] = text
				w.d.tell("%s", text)
			}
		}
	}
}

// said is a condition in a line.
func said(c apis.Condition) string {
	text := fmt.Sprintf("%s: %s", c.Type, map[corev1.ConditionStatus]string{
		corev1.ConditionTrue: "yes", corev1.ConditionFalse: "no", corev1.ConditionUnknown: "not yet",
	}[c.Status])
	if c.Reason != "" && !c.IsTrue() {
		text += " (" + c.Reason + ")"
	}
	return text
}

// ask asks a program that runs why it is not ready; now and then, as it may take a
// moment. It returns the reason with the answer.
func (w *watch) ask(ctx context.Context, r *servingv1.Revision, pod *corev1.Pod, reason string) string {
	if now := time.Now(); now.Sub(w.asked) >= askEvery {
		w.asked = now
		asking, cancel := context.WithTimeout(ctx, askEvery)
		defer cancel()
		if why := w.d.cluster.Why(asking, r, pod); why != "" || ctx.Err() == nil { // the end of the wait cuts it off
			w.answer = why
		}
	}
	return cmp.Or(w.answer, reason)
}

// late says what was waited for.
func (w *watch) late(name string) error {
	reason := cmp.Or(w.reason, "the cluster does not have it yet")
	if name == "" {
		name, reason = w.d.function.Name, cmp.Or(w.reason, "Knative has made no revision of it yet")
	}
	if away := w.away.Load(); !w.mirror.Complete() && away != nil {
		reason = (*away).Error()
	}
	return &Error{
		Function: w.d.function.Name, Revision: name, Reason: reason, Keeps: w.d.keeps(),
		Timeout: w.d.options.Timeout, err: context.DeadlineExceeded,
	}
}

// route waits until requests go where a Service says that they do.
func (w *watch) route(ctx context.Context, want *servingv1.Service) error {
	last := "Knative has not come to it yet"
	err := w.until(ctx, func() (bool, error) {
		s := w.service()
		if s == nil || s.Generation < want.Generation || !observed(s) {
			return false, nil
		}
		w.conditions("", s.Status.Conditions, servingv1.ServiceConditionRoutesReady)
		c := s.Status.GetCondition(servingv1.ServiceConditionRoutesReady)
		if !c.IsTrue() {
			if c != nil {
				last = cmp.Or(strings.TrimSpace(c.Reason+" "+c.Message), "Knative does not say why")
			}
			return false, nil
		}
		if !routed(s) {
			last = "its Route does not divide the traffic as it says yet"
			return false, nil
		}
		if s.Status.URL != nil {
			w.d.result.URL = s.Status.URL.String()
		}
		return true, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the route was not ready after %s: %s", w.d.options.Timeout, last)
	}
	return err
}
