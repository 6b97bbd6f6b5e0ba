package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/traffic"
)

// Traffic changes the traffic of a function by hand, and returns the split that came
// of it. Revisions may be given as people say them: by name, by number, by a tag, or
// as [traffic.Latest]. Only a revision that is ready is given traffic. The Service keeps
// by, who changes it; "" is not known.
func Traffic(ctx context.Context, c *cluster.Cluster, function string, change traffic.Change, by string) (traffic.Split, error) {
	d := &deployment{cluster: c, function: Function{Name: function}, options: Options{By: by}}
	if err := d.mustBe(ctx); err != nil {
		return nil, err
	}
	revisions, err := c.Revisions(ctx, function)
	if err != nil {
		return nil, err
	}
	var wrong error
	now, err := d.setTraffic(ctx, func(s *servingv1.Service) (next traffic.Split) {
		named, err := name(s, revisions, change)
		if err == nil && !change.Empty() {
			next, err = traffic.Of(s).Apply(named)
		}
		wrong = err
		return next // nil, which changes nothing, if it is wrong
	}, d.mark)
	if err = errors.Join(wrong, err); err != nil {
		return nil, fmt.Errorf("%s: %w", function, err)
	}
	return traffic.Of(now), nil
}

// name gives the revisions of a change their names.
func name(s *servingv1.Service, revisions []*servingv1.Revision, change traffic.Change) (traffic.Change, error) {
	named := traffic.Change{Tags: map[string]string{}, Untag: change.Untag}
	for tag, said := range change.Tags {
		if said == traffic.Latest {
			named.Tags[tag] = said // it follows the newest
			continue
		}
		r, err := find(s, revisions, said)
		if err != nil {
			return named, err
		}
		named.Tags[tag] = r.Name
	}
	for _, said := range slices.Sorted(maps.Keys(change.Percents)) {
		r, err := find(s, revisions, said)
		if err != nil {
			return named, err
		}
		if percent := change.Percents[said]; percent > 0 && !cluster.Ready(r) {
			return named, fmt.Errorf("%s is not ready, so it gets no traffic", r.Name)
		}
		if named.Percents == nil {
			named.Percents = map[string]int{}
		}
		named.Percents[r.Name] += change.Percents[said]
	}
	return named, nil
}

// find returns the revision that a person means.
func find(s *servingv1.Service, revisions []*servingv1.Revision, said string) (*servingv1.Revision, error) {
	want := said
	if number, err := strconv.Atoi(said); err == nil {
		want = fmt.Sprintf("%s-%05d", s.Name, number)
	}
	if said == traffic.Latest {
		want = s.Status.LatestReadyRevisionName
	}
	for _, share := range traffic.Of(s).Resolved(s.Status.LatestReadyRevisionName) {
		if slices.Contains(share.Tags, said) {
			want = share.Revision
		}
	}
	for _, r := range revisions {
		if r.Name == want {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%q is none of its revisions: a name, a number, a tag or %s", said, traffic.Latest)
}
