package traffic

import (
	"fmt"
	"maps"
	"slices"
)

// Change is what a person changes of a split. Revisions are by name.
type Change struct {
	Percents map[string]int    // the whole traffic, 100 in all; nil leaves it
	Tags     map[string]string // revisions, or [Latest], by tag
	Untag    []string
}

// Empty reports whether it changes nothing.
func (c *Change) Empty() bool { return len(c.Percents)+len(c.Tags)+len(c.Untag) == 0 }

// Apply returns the changed split. Tags that the change does not name stay.
func (s Split) Apply(c Change) (Split, error) {
	next := s.clone()
	for _, tag := range c.Untag {
		if !slices.ContainsFunc(next, func(share Share) bool { return slices.Contains(share.Tags, tag) }) {
			return nil, fmt.Errorf("there is no tag %s", tag)
		}
		next = next.untag(tag)
	}
	for _, tag := range slices.Sorted(maps.Keys(c.Tags)) {
		next = next.untag(tag).with(c.Tags[tag], 0, tag)
	}
	if c.Percents == nil {
		return next.tidy(), nil
	}
	sum := 0
	for i := range next {
		next[i].Percent = 0
	}
	for _, revision := range slices.Sorted(maps.Keys(c.Percents)) {
		sum += c.Percents[revision]
		next = next.with(revision, c.Percents[revision], "")
	}
	if sum != 100 {
		return nil, fmt.Errorf("the percents add up to %d, and not to 100", sum)
	}
	return next.tidy(), nil
}
