package traffic_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/traffic"
)

func TestMark(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	marked := traffic.Of(service(at("m-1", 90, ""), at("m-3", 10, "candidate"), latest(0, "new")))
	text, err := marked.Mark("alice", now).Annotation()
	require.NoError(t, err)
	assert.JSONEq(t, `{"by":"alice","at":"2026-03-04T05:06:07Z","split":"`+marked.ETag()+`"}`, text)

	unordered := traffic.Split{{Revision: "m-1", Percent: 100, Tags: []string{"b", "a"}}}
	ordered := traffic.Of(service(unordered.Targets()...))
	assert.Equal(t, ordered.ETag(), unordered.Mark("alice", now).Split)

	tests := map[string]struct {
		annotation string
		service    *servingv1.Service
		by         string
	}{
		"as it was set":         {text, service(marked.Targets()...), "alice"},
		"said otherwise":        {text, service(latest(0, "new"), at("m-3", 10, ""), at("m-3", 0, "candidate"), at("m-1", 90, "")), "alice"},
		"another share since":   {text, service(at("m-1", 80, ""), at("m-3", 20, "candidate"), latest(0, "new")), ""},
		"another tag since":     {text, service(at("m-1", 90, "blue"), at("m-3", 10, "candidate"), latest(0, "new")), ""},
		"the newest since":      {text, service(at("m-1", 90, ""), latest(10, ""), at("m-3", 0, "candidate"), latest(0, "new")), ""},
		"no mark":               {"", service(marked.Targets()...), ""},
		"a mark of another one": {"by hand", service(marked.Targets()...), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.service.Annotations = map[string]string{traffic.MarkAnnotation: tt.annotation}
			m := traffic.MarkOf(tt.service)
			if tt.by == "" {
				assert.Nil(t, m)
				return
			}
			require.NotNil(t, m)
			assert.Equal(t, tt.by, m.By)
			assert.Equal(t, now.Truncate(time.Second), m.At)
		})
	}
}
