package traffic

import (
	"fmt"
	"slices"
)

// Wish is what a deploy is to do with the traffic. The zero value gives all of it to
// what is deployed, unless it is split.
type Wish struct {
	Canary  int  // percent for what is deployed, 1 to 99; 0 is no canary
	None    bool // nothing for what is deployed
	Promote bool // all for what is deployed, even if the traffic is split
}

// Deploy returns the split for a revision that has been deployed and is ready. The
// note says what a person might not expect of it; "" if there is nothing.
//
// Tags stay where they are, except [Candidate]: it is put on a revision that does
// not get all, and taken away when one does.
func (s Split) Deploy(revision string, wish Wish) (next Split, note string) {
	serving := s.Serving()
	has := s.Percent(revision)
	switch {
	case len(serving) == 0 && (wish.None || wish.Canary > 0):
		return s.All(revision), "it is the first revision, so all traffic is its own"
	case len(serving) == 0 || wish.Promote:
		return s.All(revision), ""
	case has == 100:
		if wish.None || wish.Canary > 0 {
			note = "it has all the traffic already, and keeps it"
		}
		return s, note
	case wish.None && has > 0:
		return s, fmt.Sprintf("it has %d %% of the traffic already, and keeps them", has)
	case wish.None:
		return s.tag(revision), ""
	case wish.Canary > 0 && (len(serving) == 1 || has > 0):
		return s.canary(revision, wish.Canary), ""
	case len(serving) == 1:
		return s.All(revision), ""
	case has > 0:
		return s, fmt.Sprintf("the traffic stays split, %s; --promote gives it all to %s", s.traffic(), revision)
	}
	return s.tag(revision), fmt.Sprintf("the traffic is split, %s, so %s begins with none of it, under the tag %s; --promote gives it all",
		s.traffic(), revision, Candidate)
}

// All returns the split with all traffic for a revision; the tags stay, except
// [Candidate].
func (s Split) All(revision string) Split {
	next := s.untag(Candidate)
	for i := range next {
		next[i].Percent = 0
	}
	return next.with(revision, 100, "").tidy()
}

// tag returns the split with [Candidate] on a revision alone.
func (s Split) tag(revision string) Split {
	return s.untag(Candidate).with(revision, 0, Candidate).tidy()
}

func (s Split) untag(tag string) Split {
	next := s.clone()
	for i := range next {
		next[i].Tags = slices.DeleteFunc(next[i].Tags, func(t string) bool { return t == tag })
	}
	return next
}

// canary returns the split with percent for a revision, under [Candidate]; the
// others keep their proportions in the rest.
func (s Split) canary(revision string, percent int) Split {
	next := s.tag(revision)
	others := 100 - s.Percent(revision)
	rest, sum := 100-percent, 0
	for i := range next { // rounded down
		if next[i].Revision == revision {
			next[i].Percent = percent
			continue
		}
		next[i].Percent = next[i].Percent * rest / others
		sum += next[i].Percent
	}
	for i := 0; sum < rest; i = (i + 1) % len(next) { // at most one more for each
		if next[i].Revision != revision && s.Percent(next[i].Revision) > 0 {
			next[i].Percent++
			sum++
		}
	}
	return next.tidy()
}

// traffic is the split without its tags, in a line.
func (s Split) traffic() string {
	bare := Split{}
	for _, share := range s {
		if share.Percent > 0 {
			bare = append(bare, Share{Revision: share.Revision, Percent: share.Percent})
		}
	}
	return bare.String()
}
