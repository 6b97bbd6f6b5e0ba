// Package traffic is how a model's requests are divided among its revisions, and
// how a deploy moves them. It is pure: nothing here talks to a cluster.
//
// A [Split] is read from a Service with [Of], and written back with
// [Split.Targets]. In it every share of the traffic belongs to a revision by name:
// what a Service gives to its "latest revision" is that revision's which has it
// now, so that a newer one takes nothing over by being there.
package traffic

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// Candidate is the tag of a revision that is to be looked at before it is
// everyone's. It is the only tag that a deploy sets, moves and takes away.
const Candidate = "candidate"

// Latest stands for the newest revision that is ready, whichever that is.
const Latest = "@latest"

// Share is what one revision has.
type Share struct {
	Revision string   `json:"revision"` // or Latest, if it has tags alone: they follow the newest
	Percent  int      `json:"percent"`
	Tags     []string `json:"tags,omitzero"` // in order
}

// Split is a whole division, in the order of a Service's spec. Each revision is in
// it once, each tag once, and the percents add up to 100; an empty one is that
// of a Service that never had a ready revision. A Split is not changed once made.
type Split []Share

// Of returns the split of a Service. Shares of the latest revision are its newest
// ready one's.
func Of(s *servingv1.Service) Split {
	var split Split
	latest := s.Status.LatestReadyRevisionName
	for _, t := range s.Spec.Traffic {
		revision, percent := t.RevisionName, 0
		if t.Percent != nil {
			percent = int(*t.Percent)
		}
		if revision == "" {
			revision = latest
			if t.Tag != "" {
				split = split.with(Latest, 0, t.Tag)
				t.Tag = ""
			}
		}
		if revision != "" && (percent > 0 || t.Tag != "") {
			split = split.with(revision, percent, t.Tag)
		}
	}
	return split
}

// with returns the split with percent more for a revision, and with a tag if it is
// not empty.
func (s Split) with(revision string, percent int, tag string) Split {
	next := s.clone()
	i := slices.IndexFunc(next, func(share Share) bool { return share.Revision == revision })
	if i < 0 {
		i, next = len(next), append(next, Share{Revision: revision})
	}
	next[i].Percent += percent
	if tag != "" {
		next[i].Tags = append(next[i].Tags, tag)
		slices.Sort(next[i].Tags)
	}
	return next
}

func (s Split) clone() Split {
	next := make(Split, len(s), len(s)+1)
	for i, share := range s {
		share.Tags = slices.Clone(share.Tags)
		next[i] = share
	}
	return next
}

// tidy takes out what stands for nothing.
func (s Split) tidy() Split {
	return slices.DeleteFunc(s, func(share Share) bool { return share.Percent == 0 && len(share.Tags) == 0 })
}

// Targets returns the split as a Service has it: a target for the traffic of each
// revision, and one for each tag.
func (s Split) Targets() []servingv1.TrafficTarget {
	var targets []servingv1.TrafficTarget
	for _, share := range s {
		one := servingv1.TrafficTarget{RevisionName: share.Revision, LatestRevision: new(false)}
		if share.Revision == Latest {
			one = servingv1.TrafficTarget{LatestRevision: new(true)}
		}
		if share.Percent > 0 {
			t := one
			t.Percent = new(int64(share.Percent))
			targets = append(targets, t)
		}
		for _, tag := range share.Tags {
			t := one
			t.Tag = tag
			targets = append(targets, t)
		}
	}
	return targets
}

// Pinned reports whether a Service gives its traffic to revisions by name alone.
func Pinned(s *servingv1.Service) bool {
	return !slices.ContainsFunc(s.Spec.Traffic, func(t servingv1.TrafficTarget) bool {
		return t.RevisionName == "" && t.Percent != nil && *t.Percent > 0
	})
}

// Serving returns the revisions that have traffic.
func (s Split) Serving() []string {
	var names []string
	for _, share := range s {
		if share.Percent > 0 {
			names = append(names, share.Revision)
		}
	}
	return names
}

// Percent returns what a revision has of the traffic.
func (s Split) Percent(revision string) int {
	for _, share := range s {
		if share.Revision == revision {
			return share.Percent
		}
	}
	return 0
}

// Tags returns a revision's tags.
func (s Split) Tags(revision string) []string {
	for _, share := range s {
		if share.Revision == revision {
			return append([]string{}, share.Tags...)
		}
	}
	return []string{}
}

// Resolved returns the split with the tags of [Latest] at the revision that they
// lead to.
func (s Split) Resolved(latest string) Split {
	var out Split
	for _, share := range s {
		revision := share.Revision
		if revision == Latest {
			if revision = latest; latest == "" {
				continue
			}
		}
		out = out.with(revision, share.Percent, "")
		for _, tag := range share.Tags {
			out = out.with(revision, 0, tag)
		}
	}
	return out
}

// ETag names the split: one that does the same has the same.
func (s Split) ETag() string {
	sorted := slices.SortedFunc(slices.Values(s.clone().tidy()), func(a, b Share) int { return cmp.Compare(a.Revision, b.Revision) })
	sum := sha256.Sum256(fmt.Appendf(nil, "%v", sorted))
	return hex.EncodeToString(sum[:8])
}

// Equal reports whether two splits do the same.
func (s Split) Equal(other Split) bool { return s.ETag() == other.ETag() }

// String is the split in a line: "90 % model-a-00001, 10 % model-a-00002 (candidate)".
func (s Split) String() string {
	text := ""
	for _, share := range s {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%d %% %s", share.Percent, share.Revision)
		for i, tag := range share.Tags {
			text += map[bool]string{true: " (", false: ", "}[i == 0] + tag
		}
		if len(share.Tags) > 0 {
			text += ")"
		}
	}
	return cmp.Or(text, "no traffic")
}
