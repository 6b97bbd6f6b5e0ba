package events_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/events/sink"
	"github.com/modelfn/modelfn/framework/fault"
)

// TestReadsWhatTheSDKWrites holds the reader against the SDK's writer, in both modes.
func TestReadsWhatTheSDKWrites(t *testing.T) {
	e := cloudevents.New()
	e.SetID("model-a/17 \"é%\"")
	e.SetType(events.ParamsChanged)
	e.SetSource("/modelfn/team/params")
	e.SetSubject("model-a")
	e.SetTime(time.Now())
	e.SetExtension("sequence", "0000000000000000017")
	e.SetExtension("other", 3)
	require.NoError(t, e.SetData(cloudevents.ApplicationJSON, map[string]any{"model": "model-a"}))
	for name, ctx := range map[string]context.Context{
		"binary":     binding.WithForceBinary(context.Background()),
		"structured": binding.WithForceStructured(context.Background()),
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/events", nil)
			require.NoError(t, cehttp.WriteRequest(ctx, (*binding.EventMessage)(&e), r))
			read, err := events.Read(r)
			require.NoError(t, err)
			assert.Equal(t, events.Event{
				Type: events.ParamsChanged, Source: "/modelfn/team/params", Subject: "model-a", ID: "model-a/17 \"é%\"", Sequence: 17,
			}, read)
		})
	}
}

func TestRefuses(t *testing.T) {
	binary := func(change func(http.Header)) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader("{}"))
		for name, value := range map[string]string{
			"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s", "Ce-Type": events.ParamsChanged,
		} {
			r.Header.Set(name, value)
		}
		change(r.Header)
		return r
	}
	structured := func(contentType, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	const one = "application/cloudevents+json; charset=utf-8"
	for name, test := range map[string]struct {
		request *http.Request
		kind    fault.Kind
		message string
	}{
		"no event":            {structured("application/json", "{}"), fault.MediaType, "not a CloudEvent"},
		"a batch":             {structured("application/cloudevents-batch+json", "[]"), fault.MediaType, "not as a batch"},
		"another spec":        {binary(func(h http.Header) { h.Set("Ce-Specversion", "0.3") }), fault.Invalid, `specversion: "0.3" is not 1.0`},
		"no id":               {binary(func(h http.Header) { h.Del("Ce-Id") }), fault.Invalid, "id: missing"},
		"no source":           {binary(func(h http.Header) { h.Set("Ce-Source", "") }), fault.Invalid, "source: missing"},
		"no type":             {binary(func(h http.Header) { h.Del("Ce-Type") }), fault.Invalid, "type: missing"},
		"a sequence":          {binary(func(h http.Header) { h.Set("Ce-Sequence", "-1") }), fault.Invalid, `sequence: "-1" is not a version`},
		"not JSON":            {structured(one, `{"id":`), fault.Invalid, "not valid JSON"},
		"twice":               {structured(one, `{"specversion":"1.0","id":"1","id":"2"}`), fault.Invalid, "id: there twice"},
		"another type":        {structured(one, `{"specversion":1.0}`), fault.Invalid, "specversion: not a valid string"},
		"all that is missing": {structured(one, `{"specversion":"1.0"}`), fault.Invalid, "id: missing; source: missing; type: missing"},
		"too large":           {structured(one, strings.Repeat(" ", events.MaxSize+1)), fault.TooLarge, "over 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := events.Read(test.request)
			require.Error(t, err)
			f := fault.From(err)
			assert.Equal(t, test.kind, f.Kind)
			assert.Contains(t, f.Public(), test.message)
		})
	}
}

// TestAnotherTypeNeedsNoSequence holds that only our own events are looked into.
func TestAnotherTypeNeedsNoSequence(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/events", nil)
	for name, value := range map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s", "Ce-Type": "com.example.other", "Ce-Sequence": "abc"} {
		r.Header.Set(name, value)
	}
	e, err := events.Read(r)
	require.NoError(t, err)
	assert.Zero(t, e.Sequence)
}

// TestSinkSendsWhatTheSDKReads sends over real HTTP, and reads with the SDK and here.
func TestSinkSendsWhatTheSDKReads(t *testing.T) {
	status := http.StatusAccepted
	got := make(chan cloudevents.Event, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := cehttp.NewEventFromHTTPRequest(r)
		assert.NoError(t, err)
		got <- *e
		w.WriteHeader(status)
	}))
	defer server.Close()
	s := sink.Sink{URL: server.URL, Source: "/modelfn/team/params", Extensions: map[string]string{"team": "x"}, Client: server.Client()}
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	require.NoError(t, s.Announce(context.Background(), events.Change{Model: "model-a", Version: 17, Digest: "sha256:00"}, at))
	e := <-got
	require.NoError(t, e.Validate())
	assert.Equal(t, "model-a/17", e.ID())
	assert.Equal(t, events.ParamsChanged, e.Type())
	assert.Equal(t, "/modelfn/team/params", e.Source())
	assert.Equal(t, "model-a", e.Subject())
	assert.Equal(t, at, e.Time())
	assert.Equal(t, map[string]any{"sequence": "0000000000000000017", "team": "x"}, e.Extensions())
	assert.JSONEq(t, `{"model":"model-a","version":17,"digest":"sha256:00"}`, string(e.Data()))

	status = http.StatusInternalServerError
	err := s.Announce(context.Background(), events.Change{Model: "model-a", Version: 18}, at)
	require.ErrorContains(t, err, "the sink answers 500")
	<-got
}

func FuzzRead(f *testing.F) {
	f.Add("application/cloudevents+json", []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"dev.modelfn.params.changed.v1","subject":"model-a","sequence":"1"}`), "")
	f.Add("application/json", []byte(`{}`), "1.0")
	f.Fuzz(func(t *testing.T, contentType string, body []byte, specversion string) {
		r := httptest.NewRequest(http.MethodPost, "/events", bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Ce-Specversion", specversion)
		e, err := events.Read(r)
		if err != nil {
			require.NotEqual(t, fault.Internal, fault.From(err).Kind)
			return
		}
		require.NotEmpty(t, e.Type)
	})
}
