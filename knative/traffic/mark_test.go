package traffic_test

import (
	"strings"
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
	text := marked.Mark("alice", now).Annotations()[traffic.MarkAnnotation]
	assert.JSONEq(t, `{"by":"alice","at":"2026-03-04T05:06:07Z","split":"`+marked.ETag()+`"}`, text)

	assert.JSONEq(t, `{"at":"2026-03-04T05:06:07Z","split":"`+marked.ETag()+`"}`,
		marked.Mark("\xff", now).Annotations()[traffic.MarkAnnotation], "a name that is no text is not known")

	by := func(name string) string { return marked.Mark(name, now).Annotations()[traffic.MarkAnnotation] }
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
		"without a time":        {`{"split":"` + marked.ETag() + `"}`, service(marked.Targets()...), ""},
		"turned around":         {by("ecila\u202e"), service(marked.Targets()...), ""},
		"as long as a book":     {by(strings.Repeat("a", 1000)), service(marked.Targets()...), ""},
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
