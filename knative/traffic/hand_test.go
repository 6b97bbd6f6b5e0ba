package traffic_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/traffic"
)

func TestApply(t *testing.T) {
	before := traffic.Of(service(at("m-1", 60, "blue"), at("m-2", 40, "candidate"), latest(0, "new")))
	tests := map[string]struct {
		change traffic.Change
		want   string
		err    string
	}{
		"nothing":     {want: "60 % m-1 (blue), 40 % m-2 (candidate), 0 % @latest (new)"},
		"the traffic": {change: traffic.Change{Percents: map[string]int{"m-2": 100}}, want: "0 % m-1 (blue), 100 % m-2 (candidate), 0 % @latest (new)"},
		"a split":     {change: traffic.Change{Percents: map[string]int{"m-3": 50, "m-2": 50}}, want: "0 % m-1 (blue), 50 % m-2 (candidate), 0 % @latest (new), 50 % m-3"},
		"a tag":       {change: traffic.Change{Tags: map[string]string{"green": "m-2"}}, want: "60 % m-1 (blue), 40 % m-2 (candidate, green), 0 % @latest (new)"},
		"a tag moves": {change: traffic.Change{Tags: map[string]string{"new": "m-1", "blue": traffic.Latest}}, want: "60 % m-1 (new), 40 % m-2 (candidate), 0 % @latest (blue)"},
		"a tag goes":  {change: traffic.Change{Untag: []string{"new", "candidate"}}, want: "60 % m-1 (blue), 40 % m-2"},
		"no such tag": {change: traffic.Change{Untag: []string{"red"}}, err: "there is no tag red"},
		"not 100":     {change: traffic.Change{Percents: map[string]int{"m-3": 50}}, err: "the percents add up to 50, and not to 100"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			next, err := before.Apply(tt.change)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, next.String())
		})
	}
}
