package local

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/framework/events/sink"
)

// received is an event as a replica got it.
type received struct {
	replica int
	header  http.Header
	body    string
}

// brokerWith runs a broker with replicas of model-a, which answer as the function
// says; it gets the number of the replica's requests so far. There is a model-b, too.
func brokerWith(t *testing.T, replicas int, answer func(n int64) (status int, body string)) (*broker, chan received) {
	t.Helper()
	got := make(chan received, 100)
	programs := []program{{name: "other", model: "model-b"}}
	for i := range replicas {
		programs = append(programs, program{name: strconv.Itoa(i), model: "model-a"})
	}
	l := newList(programs)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(other.Close)
	l.update("other", func(i *Instance) { i.URL, i.Ready = other.URL, true })
	for i := range replicas {
		var n atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if !assert.NoError(t, err) || !assert.Equal(t, "/events", r.URL.Path) {
				return
			}
			status, text := answer(n.Add(1))
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			got <- received{i, r.Header, string(body)}
		}))
		t.Cleanup(server.Close)
		l.update(strconv.Itoa(i), func(i *Instance) { i.URL, i.Ready = server.URL, true })
	}
	b, err := newBroker(l, nil, slog.New(slog.NewTextHandler(t.Output(), nil)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait(); b.close() })
	return b, got
}

func accepted(int64) (int, string) { return http.StatusAccepted, "" }

// announce sends an event as the registry does.
func announce(b *broker, model string, version int64) error {
	s := sink.Sink{URL: b.url(), Source: "/modelfn/local/params", Client: http.DefaultClient}
	return s.Announce(context.Background(), events.Change{Model: model, Version: version, Digest: "sha256:0"}, time.Now())
}

func next(t *testing.T, got chan received) received {
	t.Helper()
	select {
	case r := <-got:
		return r
	case <-time.After(time.Minute):
		require.FailNow(t, "no event arrives")
		return received{}
	}
}

// Each event goes to one replica of its model, the replicas take turns, and it
// arrives as it was sent.
func TestBrokerDelivers(t *testing.T) {
	t.Parallel()
	b, got := brokerWith(t, 3, accepted)
	require.NoError(t, announce(b, "model-z", 1), "no Trigger takes it, which is no failure")
	turns := map[int]int{}
	for v := range int64(6) {
		require.NoError(t, announce(b, "model-b", v+1))
		require.NoError(t, announce(b, "model-a", v+1))
		r := next(t, got)
		turns[r.replica]++
		e, err := events.Read(&http.Request{Header: r.header, Body: io.NopCloser(bytes.NewReader([]byte(r.body)))})
		require.NoError(t, err)
		assert.Equal(t, events.Event{
			Type: events.ParamsChanged, Source: "/modelfn/local/params", Subject: "model-a", ID: fmt.Sprintf("model-a/%d", v+1), Sequence: v + 1,
		}, e)
		assert.JSONEq(t, fmt.Sprintf(`{"model":"model-a","version":%d,"digest":"sha256:0"}`, v+1), r.body)
	}
	require.Equal(t, map[int]int{0: 2, 1: 2, 2: 2}, turns)
	require.Empty(t, got)
}

// What Knative tries again is tried again, and nothing else.
func TestBrokerRetries(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		again  bool
	}{
		"internal error":    {500, "", true},
		"not now":           {503, "", true},
		"not found":         {404, "", true},
		"timeout":           {408, "", true},
		"conflict":          {409, "", true},
		"too many":          {429, "", true},
		"a body":            {202, "hello", true},
		"malformed":         {400, "", false},
		"not allowed":       {401, "", false},
		"moved":             {301, "", false},
		"media type":        {415, "", false},
		"an empty answer":   {200, "", false},
		"an empty accepted": {202, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, got := brokerWith(t, 1, func(n int64) (int, string) {
				if n == 1 {
					return tt.status, tt.body
				}
				return 202, ""
			})
			require.NoError(t, announce(b, "model-a", 1))
			first := next(t, got)
			if tt.again {
				assert.Equal(t, first.body, next(t, got).body)
			}
			require.NoError(t, announce(b, "model-a", 2))
			assert.Equal(t, "model-a/2", next(t, got).header.Get("Ce-Id"), "nothing else came in between")
		})
	}
}

// A replica that is away or stuck never holds up the registry.
func TestBrokerNeverBlocks(t *testing.T) {
	t.Parallel()
	b, got := brokerWith(t, 2, accepted)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	b.list.update("0", func(i *Instance) { i.URL = away.URL })
	for v := range int64(4) {
		require.NoError(t, announce(b, "model-a", v+1))
	}
	seen := map[string]bool{}
	for range 4 {
		r := next(t, got)
		require.Equal(t, 1, r.replica, "the one that is there gets what the other one did not")
		seen[r.header.Get("Ce-Id")] = true
	}
	require.Len(t, seen, 4)
}

// Events that nobody can be given to fill the queue, and then are refused: the
// registry keeps them.
func TestBrokerIsBounded(t *testing.T) {
	t.Parallel()
	b, _ := brokerWith(t, 1, accepted)
	b.list.update("0", func(i *Instance) { i.Ready = false })
	taken := 0
	for v := int64(1); announce(b, "model-a", v) == nil; v++ {
		taken++
		require.LessOrEqual(t, taken, queueSize+atOnce)
	}
	require.GreaterOrEqual(t, taken, queueSize)
}

func TestBrokerRefuses(t *testing.T) {
	t.Parallel()
	b, got := brokerWith(t, 1, accepted)
	good := map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s", "Ce-Type": events.ParamsChanged, "Ce-Subject": "model-a"}
	tests := map[string]struct {
		method string
		header map[string]string
		size   int
		want   int
	}{
		"a read":           {http.MethodGet, nil, 0, 405},
		"no event":         {http.MethodPost, map[string]string{"Ce-Specversion": ""}, 0, 415},
		"structured":       {http.MethodPost, map[string]string{"Ce-Specversion": "", "Content-Type": "application/cloudevents+json"}, 0, 415},
		"no id":            {http.MethodPost, map[string]string{"Ce-Id": ""}, 0, 400},
		"too large":        {http.MethodPost, nil, events.MaxSize + 1, 413},
		"from a page":      {http.MethodPost, map[string]string{"Origin": "http://evil.example"}, 0, 403},
		"of another type":  {http.MethodPost, map[string]string{"Ce-Type": "other"}, 0, 202},
		"of another model": {http.MethodPost, map[string]string{"Ce-Subject": ""}, 0, 202},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequest(tt.method, b.url(), bytes.NewReader(make([]byte, tt.size)))
			require.NoError(t, err)
			for _, set := range []map[string]string{good, tt.header} {
				for name, value := range set {
					if r.Header.Set(name, value); value == "" {
						r.Header.Del(name)
					}
				}
			}
			resp, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			resp.Body.Close()
			require.Equal(t, tt.want, resp.StatusCode)
		})
	}
	t.Cleanup(func() { assert.Empty(t, got, "none of them arrives") })
}

// A model that wants no events gets none, and nobody tries for its sake.
func TestBrokerLeavesTheDeafAlone(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := &broker{
		list: newList([]program{{name: "0", model: "model-a"}}), deaf: map[string]bool{"model-a": true},
		log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	b.deliver(t.Context(), delivery{model: "model-a", id: "model-a/1"})
	require.Empty(t, log.String())
}
