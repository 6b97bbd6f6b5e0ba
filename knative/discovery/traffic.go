package discovery

import (
	"context"
	"fmt"
	"slices"
	"time"

	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/console"
	"github.com/modelfn/modelfn/knative/traffic"
)

// attempts is how often a change is tried: Knative itself writes to a Service too,
// which is no reason to refuse.
const attempts = 5

// SetTraffic makes a split that of a model, if the present one is the expected one.
func (d *Discovery) SetTraffic(ctx context.Context, model string, change console.SplitChange) (console.Split, []console.Share, error) {
	for left := attempts; ; left-- {
		s, err := d.service(ctx, model)
		if err != nil {
			return console.Split{}, nil, err
		}
		former := shown(s)
		if former.ETag != change.IfMatch {
			return former, nil, fault.New(fault.Precondition, "the traffic was changed meanwhile")
		}
		if err := d.check(ctx, s, change.Traffic); err != nil {
			return console.Split{}, nil, err
		}
		split := wanted(s, change.Traffic)
		if traffic.Pinned(s) && split.Equal(traffic.Of(s)) {
			return former, former.Traffic, nil // and who set it has
		}
		now, err := d.cluster.SetTraffic(ctx, s, split.Targets(), split.Mark(change.By, time.Now()).Annotations())
		switch {
		case err == nil:
			return shown(now), former.Traffic, nil
		case !cluster.Changed(err) || left == 0:
			return console.Split{}, nil, away(err)
		}
	}
}

// service reads the Service of a model.
func (d *Discovery) service(ctx context.Context, model string) (*servingv1.Service, error) {
	all, err := d.cluster.Services(ctx)
	if err != nil {
		return nil, away(err)
	}
	var found *servingv1.Service
	for _, s := range all {
		if s.Labels[cluster.ModelLabel] == model && (found == nil || s.Name == model) {
			found = s
		}
	}
	if found == nil {
		return nil, fault.New(fault.NotFound, "no such model")
	}
	return found, nil
}

// away is the fault for an answer of the API that was no answer.
func away(err error) error {
	f := fault.New(fault.Unavailable, "the cluster does not take it now")
	f.Err = err
	return f
}

// check reports shares of what is not there, and of what is not ready.
func (d *Discovery) check(ctx context.Context, s *servingv1.Service, shares []console.Share) error {
	revisions, err := d.cluster.Revisions(ctx, s.Name)
	if err != nil {
		return away(err)
	}
	var p fault.Problems
	for i, share := range shares {
		field := fmt.Sprintf("traffic[%d].revision", i)
		at := slices.IndexFunc(revisions, func(r *servingv1.Revision) bool { return r.Name == share.Revision })
		if at < 0 {
			p.Add(field, "%q is not a revision of %s", share.Revision, s.Name)
		} else if share.Percent > 0 && !cluster.Ready(revisions[at]) {
			p.Add(field, "%s is not ready", share.Revision)
		}
	}
	return p.Err()
}

// shown is the split of a Service as the page has it.
func shown(s *servingv1.Service) console.Split {
	split := traffic.Of(s).Resolved(s.Status.LatestReadyRevisionName)
	out := console.Split{ETag: split.ETag(), Traffic: []console.Share{}, Set: set(s)}
	for _, share := range split {
		tags := share.Tags
		if tags == nil {
			tags = []string{}
		}
		out.Traffic = append(out.Traffic, console.Share{Revision: share.Revision, Percent: share.Percent, Tags: tags})
	}
	return out
}

// set is who set the traffic of a Service, as far as that is known.
func set(s *servingv1.Service) *console.TrafficSet {
	m := traffic.MarkOf(s)
	if m == nil {
		return nil
	}
	return &console.TrafficSet{By: m.By, At: m.At}
}

// wanted is the split that shares stand for. A tag that follows the newest revision
// and was left where it is goes on following it.
func wanted(s *servingv1.Service, shares []console.Share) traffic.Split {
	latest := s.Status.LatestReadyRevisionName
	following := traffic.Of(s).Tags(traffic.Latest)
	var split traffic.Split
	floating := traffic.Share{Revision: traffic.Latest}
	for _, share := range shares {
		one := traffic.Share{Revision: share.Revision, Percent: share.Percent}
		for _, tag := range share.Tags {
			if share.Revision == latest && slices.Contains(following, tag) {
				floating.Tags = append(floating.Tags, tag)
			} else {
				one.Tags = append(one.Tags, tag)
			}
		}
		if one.Percent > 0 || len(one.Tags) > 0 {
			split = append(split, one)
		}
	}
	if len(floating.Tags) > 0 {
		split = append(split, floating)
	}
	return split
}
