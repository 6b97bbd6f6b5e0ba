package discovery

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/traffic"
)

// mostIdle is how many revisions are told that have neither traffic, a tag nor pods;
// Knative keeps up to a thousand. They are those that were in use last, or made: whoever
// goes back goes there.
const mostIdle = 20

// describe makes a model of its Service and what belongs to it. Reached says that
// the Service has been reachable.
func describe(s *servingv1.Service, revisions []*servingv1.Revision, pods []*corev1.Pod, reached bool) *console.Model {
	m := &console.Model{}
	m.Description, m.Signature = about(s)
	split := traffic.Of(s).Resolved(s.Status.LatestReadyRevisionName)
	m.Split, m.Set = split.ETag(), set(s)
	revisions = newestFirst(revisions)
	answers, running := false, 0
	var idle []*servingv1.Revision
	for _, r := range revisions {
		one := revision(r, pods, split)
		m.Revisions = append(m.Revisions, one)
		// One that is active has traffic or a tag as far as Knative has come, and will be
		// told to have been in use when it has come further.
		if one.Percent == 0 && len(one.Tags) == 0 && one.Pods == 0 && r.GetRoutingState() != servingv1.RoutingStateActive {
			idle = append(idle, r)
		}
		if one.Percent > 0 {
			answers = answers || one.Ready
			running += one.Pods
		}
	}
	if len(idle) > mostIdle {
		slices.SortStableFunc(idle, func(a, b *servingv1.Revision) int { return lastUsed(b).Compare(lastUsed(a)) })
		left := map[string]bool{}
		for _, r := range idle[mostIdle:] {
			left[r.Name] = true
		}
		m.Revisions = slices.DeleteFunc(m.Revisions, func(one console.Revision) bool { return left[one.Name] })
		m.LeftOut = len(left)
	}
	switch {
	case answers && reached:
		m.Instances = []*url.URL{address(s)}
		if running == 0 {
			m.State = console.StateZero
		}
	case len(revisions) > 0:
		m.State = console.StateStarting
		trouble := cluster.Diagnose(revisions[0], pods)
		if m.Reason = trouble.Reason; trouble.Final {
			m.State = console.StateFailing
		}
	default:
		m.State = console.StateStarting
	}
	return m
}

// about reads what a model says of itself: what its program prints with --describe,
// or a text of somebody's.
func about(s *servingv1.Service) (string, *framework.Signature) {
	text := s.Annotations[cluster.DescriptionAnnotation]
	var d framework.Description
	if json.Unmarshal([]byte(text), &d) != nil {
		return text, nil
	}
	return d.Description, &d.Signature
}

// address is where the cluster reaches a Service, whatever runs of it.
func address(s *servingv1.Service) *url.URL {
	return &url.URL{Scheme: "http", Host: s.Name + "." + s.Namespace + ".svc.cluster.local"}
}

// reachable reports whether requests to a Service get to a revision.
func reachable(s *servingv1.Service) bool {
	return s.Status.GetCondition(servingv1.ServiceConditionRoutesReady).IsTrue()
}

// newestFirst returns the revisions in the order of their age.
func newestFirst(revisions []*servingv1.Revision) []*servingv1.Revision {
	return slices.SortedFunc(slices.Values(revisions), func(a, b *servingv1.Revision) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(b.Name, a.Name))
	})
}

// lastUsed is when a revision lost its traffic and tags; when it was made, if it never had
// any.
func lastUsed(r *servingv1.Revision) time.Time {
	if at := r.GetRoutingStateModified(); at.After(r.CreationTimestamp.Time) {
		return at
	}
	return r.CreationTimestamp.Time
}

// revision is what is told of one revision.
func revision(r *servingv1.Revision, pods []*corev1.Pod, split traffic.Split) console.Revision {
	one := console.Revision{
		Name: r.Name, Image: cluster.Image(r), ParamsVersion: pinned(r),
		Percent: split.Percent(r.Name), Tags: split.Tags(r.Name),
		Ready: cluster.Ready(r), Pods: cluster.Running(r, pods), Created: r.CreationTimestamp.UTC(),
	}
	one.Reason = cluster.Diagnose(r, pods).Reason
	return one
}

// pinned returns the version of the params that a revision is pinned to; 0 if it
// follows what is current.
func pinned(r *servingv1.Revision) int64 {
	container := r.Spec.GetContainer()
	if container == nil {
		return 0
	}
	for _, env := range container.Env {
		if env.Name == "PARAMS_VERSION" {
			version, _ := strconv.ParseInt(env.Value, 10, 64) // one that is no number stops the program
			return version
		}
	}
	return 0
}
