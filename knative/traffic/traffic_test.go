package traffic_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/traffic"
)

// service returns a Service whose newest ready revision is m-3.
func service(targets ...servingv1.TrafficTarget) *servingv1.Service {
	s := &servingv1.Service{}
	s.Spec.Traffic = targets
	s.Status.LatestReadyRevisionName = "m-3"
	return s
}

func at(revision string, percent int64, tag string) servingv1.TrafficTarget {
	return servingv1.TrafficTarget{RevisionName: revision, LatestRevision: new(false), Percent: new(percent), Tag: tag}
}

func latest(percent int64, tag string) servingv1.TrafficTarget {
	return servingv1.TrafficTarget{LatestRevision: new(true), Percent: new(percent), Tag: tag}
}

func TestOf(t *testing.T) {
	tests := map[string]struct {
		service *servingv1.Service
		want    string
		pinned  bool
	}{
		"by name":            {service(at("m-1", 90, ""), at("m-2", 10, "candidate")), "90 % m-1, 10 % m-2 (candidate)", true},
		"one in two targets": {service(at("m-1", 90, ""), at("m-1", 10, "b"), at("m-1", 0, "a")), "100 % m-1 (a, b)", true},
		"the latest":         {service(latest(100, "")), "100 % m-3", false},
		"the latest, named":  {service(latest(60, ""), at("m-3", 40, "")), "100 % m-3", false},
		"a tag on latest":    {service(latest(30, "new"), at("m-1", 70, "")), "0 % @latest (new), 30 % m-3, 70 % m-1", false},
		"only a tag on it":   {service(latest(0, "new"), at("m-1", 100, "")), "0 % @latest (new), 100 % m-1", true},
		"nothing left over":  {service(at("m-1", 100, ""), at("m-2", 0, "")), "100 % m-1", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			split := traffic.Of(tt.service)
			assert.Equal(t, tt.want, split.String())
			assert.Equal(t, tt.pinned, traffic.Pinned(tt.service))

			again := traffic.Of(service(split.Targets()...))
			assert.Equal(t, split, again, "what is written is what was read")
			assert.True(t, traffic.Pinned(service(split.Targets()...)))
		})
	}
}

func TestOfWithoutReadyRevision(t *testing.T) {
	s := service(latest(100, ""))
	s.Status.LatestReadyRevisionName = ""
	assert.Empty(t, traffic.Of(s))
	assert.Equal(t, "no traffic", traffic.Of(s).String())
}

func TestDeploy(t *testing.T) {
	const first = "it is the first revision, so all traffic is its own"
	one := []servingv1.TrafficTarget{at("m-1", 100, "")}
	tagged := []servingv1.TrafficTarget{at("m-1", 100, "blue"), at("m-2", 0, "candidate"), latest(0, "new")}
	split := []servingv1.TrafficTarget{at("m-1", 60, "blue"), at("m-2", 30, ""), at("m-3", 10, "candidate")}
	tests := map[string]struct {
		before   []servingv1.TrafficTarget
		revision string
		wish     traffic.Wish
		want     string
		note     string
	}{
		"the first":                 {nil, "m-1", traffic.Wish{}, "100 % m-1", ""},
		"the first as a canary":     {nil, "m-1", traffic.Wish{Canary: 5}, "100 % m-1", first},
		"the first without traffic": {nil, "m-1", traffic.Wish{None: true}, "100 % m-1", first},
		"all":                       {one, "m-4", traffic.Wish{}, "100 % m-4", ""},
		"all, nothing new":          {one, "m-1", traffic.Wish{}, "100 % m-1", ""},
		"all, with tags":            {tagged, "m-4", traffic.Wish{}, "0 % m-1 (blue), 0 % @latest (new), 100 % m-4", ""},
		"all for the candidate":     {tagged, "m-2", traffic.Wish{}, "0 % m-1 (blue), 100 % m-2, 0 % @latest (new)", ""},
		"a canary":                  {one, "m-4", traffic.Wish{Canary: 10}, "90 % m-1, 10 % m-4 (candidate)", ""},
		"a canary, with tags":       {tagged, "m-4", traffic.Wish{Canary: 10}, "90 % m-1 (blue), 0 % @latest (new), 10 % m-4 (candidate)", ""},
		"a canary, nothing new":     {one, "m-1", traffic.Wish{Canary: 10}, "100 % m-1", "it has all the traffic already, and keeps it"},
		"none":                      {one, "m-4", traffic.Wish{None: true}, "100 % m-1, 0 % m-4 (candidate)", ""},
		"none, nothing new":         {one, "m-1", traffic.Wish{None: true}, "100 % m-1", "it has all the traffic already, and keeps it"},
		"none, in the split":        {split, "m-3", traffic.Wish{None: true}, "60 % m-1 (blue), 30 % m-2, 10 % m-3 (candidate)", "it has 10 % of the traffic already, and keeps them"},
		"all into a split":          {split, "m-4", traffic.Wish{}, "60 % m-1 (blue), 30 % m-2, 10 % m-3, 0 % m-4 (candidate)", "the traffic is split, 60 % m-1, 30 % m-2, 10 % m-3, so m-4 begins with none of it, under the tag candidate; --promote gives it all"},
		"a canary into a split":     {split, "m-4", traffic.Wish{Canary: 5}, "60 % m-1 (blue), 30 % m-2, 10 % m-3, 0 % m-4 (candidate)", "the traffic is split, 60 % m-1, 30 % m-2, 10 % m-3, so m-4 begins with none of it, under the tag candidate; --promote gives it all"},
		"nothing new in a split":    {split, "m-3", traffic.Wish{}, "60 % m-1 (blue), 30 % m-2, 10 % m-3 (candidate)", "the traffic stays split, 60 % m-1, 30 % m-2, 10 % m-3; --promote gives it all to m-3"},
		"a larger canary":           {split, "m-3", traffic.Wish{Canary: 50}, "34 % m-1 (blue), 16 % m-2, 50 % m-3 (candidate)", ""},
		"promote into a split":      {split, "m-4", traffic.Wish{Promote: true}, "0 % m-1 (blue), 100 % m-4", ""},
		"promote the candidate":     {split, "m-3", traffic.Wish{Promote: true}, "0 % m-1 (blue), 100 % m-3", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := traffic.Of(service(tt.before...))
			text := before.String()
			next, note := before.Deploy(tt.revision, tt.wish)
			assert.Equal(t, tt.want, next.String())
			assert.Equal(t, tt.note, note)
			assert.Equal(t, text, before.String(), "the split that was is left alone")
			assert.Equal(t, 100, sum(next))
		})
	}
}

func sum(s traffic.Split) (sum int) {
	for _, share := range s {
		sum += share.Percent
	}
	return sum
}

// Every canary adds up, whatever it is taken from.
func TestCanaryAddsUp(t *testing.T) {
	for a := range 100 {
		for percent := 1; percent < 100; percent++ {
			b := (99 - a) / 2
			before := traffic.Split{{Revision: "m-1", Percent: a}, {Revision: "m-2", Percent: b}, {Revision: "m-3", Percent: 100 - a - b}}
			next, _ := before.Deploy("m-3", traffic.Wish{Canary: percent})
			require.Equal(t, 100, sum(next), "%v, %d", before, percent)
			for _, share := range next {
				require.GreaterOrEqual(t, share.Percent, 0)
			}
			if len(before.Serving()) > 1 {
				require.Equal(t, percent, next.Percent("m-3"))
			}
		}
	}
}

func TestETag(t *testing.T) {
	a := traffic.Of(service(at("m-1", 90, ""), at("m-2", 10, "candidate")))
	b := traffic.Of(service(at("m-2", 0, "candidate"), at("m-1", 90, ""), at("m-2", 10, "")))
	assert.Equal(t, a.ETag(), b.ETag(), "said otherwise, it is the same")
	assert.True(t, a.Equal(b))
	seen := map[string]string{}
	for _, s := range []traffic.Split{
		nil, a, {{Revision: "m-1", Percent: 100}}, {{Revision: "m-2", Percent: 100}},
		{{Revision: "m-1", Percent: 100, Tags: []string{"x"}}}, {{Revision: "m-1", Percent: 100}, {Revision: traffic.Latest, Tags: []string{"x"}}},
	} {
		require.Empty(t, seen[s.ETag()], "%s is as %s", s, seen[s.ETag()])
		seen[s.ETag()] = fmt.Sprint(s)
	}
}

func TestResolved(t *testing.T) {
	split := traffic.Of(service(latest(0, "new"), at("m-1", 70, ""), at("m-3", 30, "a")))
	assert.Equal(t, "30 % m-3 (a, new), 70 % m-1", split.Resolved("m-3").String())
	assert.Equal(t, []string{"a", "new"}, split.Resolved("m-3").Tags("m-3"))
	assert.Equal(t, []string{}, split.Tags("m-9"))
}
