package accept_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelfn/modelfn/knative/console/accept"
)

func TestTakes(t *testing.T) {
	tests := []struct {
		lines []string
		want  bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"gzip"}, true},
		{[]string{"br, GZIP"}, true},
		{[]string{"br", "deflate , gzip ; q=0.5"}, true},
		{[]string{"gzip;q=1"}, true},
		{[]string{"gzip;q=0"}, false},
		{[]string{"gzip ; q=0.000, br"}, false},
		{[]string{"gzip;q=0.001"}, true},
		{[]string{"gzipped"}, false},
		{[]string{"*"}, false},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, accept.Takes(tt.lines, "gzip"), "%q", tt.lines)
	}
}
