package framework_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/params"
)

// TestEvents: an event is answered when it has been followed, as a broker wants it:
// with an empty body, and with a status that has it delivered again if that helps.
func TestEvents(t *testing.T) {
	r := newRegistry(t, scales(t, 1, "1"))
	r.mute = true // the events alone bring news
	url := r.follows(t, nil)
	stands(t, url, 1, params.Serving)
	event := func(change ...string) (int, string) {
		headers := append([]string{
			"Ce-Specversion", "1.0", "Ce-Type", "dev.modelfn.params.changed.v1", "Ce-Source", "/modelfn/test/params",
			"Ce-Subject", "scale", "Ce-Id", "scale/2", "Ce-Sequence", "0000000000000000002", "Content-Type", "application/json",
		}, change...)
		status, header, text := send(t, http.MethodPost, url+"/events", `{"model":"scale","version":2,"params":{"factor":7}}`, headers...)
		if status == http.StatusServiceUnavailable {
			assert.NotEmpty(t, header.Get("Retry-After"))
		}
		return status, text
	}
	accepted := func(change ...string) {
		t.Helper()
		status, text := event(change...)
		require.Equal(t, http.StatusAccepted, status, text)
		require.Empty(t, text)
	}
	refused := func(want int, change ...string) {
		t.Helper()
		status, text := event(change...)
		require.Equal(t, want, status, text)
	}

	accepted("Ce-Subject", "another")
	accepted("Ce-Type", "dev.modelfn.something.else.v1")
	stands(t, url, 1, params.Serving)
	refused(http.StatusServiceUnavailable) // the registry does not have it yet
	refused(http.StatusBadRequest, "Ce-Sequence", "two")
	refused(http.StatusBadRequest, "Ce-Id", "")
	refused(http.StatusUnsupportedMediaType, "Ce-Specversion", "")

	r.put(scales(t, 2, "2"))
	accepted()
	stands(t, url, 2, params.Serving)
	require.JSONEq(t, `{"output":[2,4]}`, post(t, url, `{"input":[1,2]}`), "what the event says of the params is not believed")
	accepted() // again
	accepted("Ce-Sequence", "0000000000000000001")
	structured := `{"specversion":"1.0","type":"dev.modelfn.params.changed.v1","source":"/s","id":"scale/3","subject":"scale","sequence":"0000000000000000003"}`
	r.put(scales(t, 3, "3"))
	status, _, text := send(t, http.MethodPost, url+"/events", structured, "Content-Type", "application/cloudevents+json")
	require.Equal(t, http.StatusAccepted, status, text)
	require.Empty(t, text)
	stands(t, url, 3, params.Serving)

	var before, after int
	r.change(func() { before = r.loads })
	accepted("Ce-Sequence", "0000000000000000003")
	r.change(func() { after = r.loads })
	require.Equal(t, before, after, "nothing is asked for the params that serve")
	r.put(scales(t, 4, `"x"`))
	accepted("Ce-Sequence", "0000000000000000004")
	stands(t, url, 3, params.Rejected)
	refused(http.StatusServiceUnavailable, "Ce-Sequence", "0000000000000000005")

	r.change(func() { r.away = true })
	refused(http.StatusServiceUnavailable, "Ce-Sequence", "0000000000000000004")
	stands(t, url, 3, params.Stale)
}

// TestEventsWhileParamsAreBuilt: an event that tells of params that are about to serve
// is delivered again until they do, as they may yet not.
func TestEventsWhileParamsAreBuilt(t *testing.T) {
	building, built := make(chan struct{}), make(chan struct{})
	slow := frameworktest.Scale
	slow.Build = func(ctx context.Context, f frameworktest.Factor, deps *framework.Deps) (framework.Predictor[[]float64, []float64], error) {
		if f.Factor == 2 {
			close(building)
			<-built
		}
		return frameworktest.Scale.Build(ctx, f, deps)
	}
	r := newRegistry(t, scales(t, 1, "1"))
	url := r.followedBy(t, slow, func(s *framework.Settings) { s.RequestTimeout = 100 * time.Millisecond })
	stands(t, url, 1, params.Serving)
	event := func() int {
		status, _, _ := send(t, http.MethodPost, url+"/events", "", "Ce-Specversion", "1.0", "Ce-Type", "dev.modelfn.params.changed.v1",
			"Ce-Source", "/s", "Ce-Subject", "scale", "Ce-Id", "scale/2", "Ce-Sequence", "2")
		return status
	}
	r.put(scales(t, 2, "2"))
	<-building
	status := event()
	close(built)
	require.Equal(t, http.StatusServiceUnavailable, status)
	stands(t, url, 2, params.Serving)
	require.Equal(t, http.StatusAccepted, event())
}

// TestEventsOfAPinnedReplica: nothing that is announced is for it.
func TestEventsOfAPinnedReplica(t *testing.T) {
	r := newRegistry(t, scales(t, 1, "1"), scales(t, 2, "2"))
	url := r.follows(t, func(s *framework.Settings) { s.ParamsVersion = 1 })
	stands(t, url, 1, params.Serving)
	status, _, text := send(t, http.MethodPost, url+"/events", "", "Ce-Specversion", "1.0", "Ce-Type", "dev.modelfn.params.changed.v1",
		"Ce-Source", "/s", "Ce-Subject", "scale", "Ce-Id", "scale/9", "Ce-Sequence", "9")
	require.Equal(t, http.StatusAccepted, status, text)
	require.Empty(t, text)
	stands(t, url, 1, params.Serving)
}
