package console

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the path is, what goes to a model is one of four paths of ours, and a
// name stays within its place.
func FuzzParse(f *testing.F) {
	for _, path := range []string{
		"/", "", "*", "//", "/model-a/predict", "/model_a/evaluate", "/v1/models", "/v1/models/", "/v1/models/a:predict",
		"/v1/models/a:predict:predict", "/v1/models/:predict", "/v2", "/v2/predict", "/v2/models/a/infer", "/data/diabetes", "/data/", "/health/ready", "/health/predict",
		"/../predict", "/a/../predict", "/a/events", "/events", "/events/predict", "/a\x00/predict", "/a%2fb/predict", "/predict",
		"/params", "/params/", "/params/model_a/versions/3", "/params/../events", "/params/./x", "/params//x", "/params/a\x00", "/params/%2e%2e",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := parse(path)
		switch r.action {
		case predict, evaluate, predictV1, describeModel:
			require.NotEmpty(t, r.name)
			require.NotContains(t, r.name, "/")
			require.NotContains(t, r.name, "_")
			require.Contains(t, strings.ReplaceAll(path, "_", "-"), r.name)
			sent, err := url.Parse((&url.URL{Scheme: "http", Host: "h", Path: r.upstream()}).String())
			require.NoError(t, err)
			require.Equal(t, r.upstream(), sent.Path)
			require.Equal(t, "h", sent.Host)
			require.NotContains(t, strings.TrimSuffix(sent.Path, r.name), "/events")
		case askRegistry:
			require.Empty(t, r.name)
			sent := &url.URL{Scheme: "http", Host: "h", Path: r.upstream()}
			require.Equal(t, sent.String(), sent.JoinPath().String(), "nothing in it leads elsewhere")
			require.Regexp(t, "^/params(/|$)", sent.JoinPath().Path)
		case showDataset:
			require.NotEmpty(t, r.name)
		default:
			require.Empty(t, r.name)
		}
	})
}
