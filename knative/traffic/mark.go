package traffic

import (
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// MarkAnnotation is where a Service keeps its [Mark].
const MarkAnnotation = "modelfn.dev/traffic"

// Mark says who set the traffic of a Service, and when. It names the split that came of
// it, so that nobody is told to have set another one that a tool without marks set since.
type Mark struct {
	By    string    `json:"by,omitzero"` // "" if that is not known
	At    time.Time `json:"at"`
	Split string    `json:"split"` // its ETag
}

// longestBy is how many bytes of a name a mark may have: whoever may write to a Service
// writes it, and everybody reads it.
const longestBy = 200

// Mark returns the mark of a split that is set now.
func (s Split) Mark(by string, now time.Time) Mark {
	var read Split // as Of will read it, with the tags in order
	for _, share := range s {
		read = read.with(share.Revision, share.Percent, "")
		for _, tag := range share.Tags {
			read = read.with(share.Revision, 0, tag)
		}
	}
	return Mark{By: by, At: now.UTC().Truncate(time.Second), Split: read.ETag()}
}

// Annotations returns the mark as a Service keeps it.
func (m Mark) Annotations() map[string]string {
	text, err := json.Marshal(m)
	if err != nil { // a name that is no UTF-8
		m.By = ""
		text, _ = json.Marshal(m)
	}
	return map[string]string{MarkAnnotation: string(text)}
}

// MarkOf returns the mark of a Service; nil if it has none, one that nobody here wrote, or
// another split than the one that was marked.
func MarkOf(s *servingv1.Service) *Mark {
	var m Mark
	if json.Unmarshal([]byte(s.Annotations[MarkAnnotation]), &m) != nil || m.At.IsZero() {
		return nil
	}
	if len(m.By) > longestBy || strings.ContainsFunc(m.By, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return nil
	}
	// What follows the newest revision is not ours, though it may lead to the same one.
	if !Pinned(s) || Of(s).ETag() != m.Split {
		return nil
	}
	return &m
}
