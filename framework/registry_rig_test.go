package framework_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/frameworktest"
	"github.com/modelfn/modelfn/framework/params"
)

// registry is one as a replica sees it: documents, the newest of which is current.
type registry struct {
	url string

	mu    sync.Mutex // guards what follows
	docs  []params.Document
	away  bool
	mute  bool             // watches get no answer
	told  []params.Replica // by those who watch
	woken chan struct{}    // closed at the next change
	hold  chan struct{}    // versions are given when it is closed; nil for at once
	asked []string         // the paths of the versions that were asked for
	loads int              // requests other than watches
}

func newRegistry(t *testing.T, docs ...params.Document) *registry {
	r := &registry{docs: docs, woken: make(chan struct{})}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// change changes the registry and wakes those who watch.
func (r *registry) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
	close(r.woken)
	r.woken = make(chan struct{})
}

func (r *registry) put(d params.Document) { r.change(func() { r.docs = append(r.docs, d) }) }

// find returns the document that a path names.
func (r *registry) find(path string) (params.Document, bool) {
	for i := len(r.docs) - 1; i >= 0; i-- {
		d := r.docs[i]
		if path == "/params/"+d.Model || path == fmt.Sprintf("/params/%s/versions/%d", d.Model, d.Version) {
			return d, true
		}
	}
	return params.Document{}, false
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	watches := req.Header.Get("Prefer") != ""
	if who, err := params.ParseReplica(req.Header.Get(params.ReplicaHeader)); err == nil {
		r.mu.Lock()
		r.told = append(r.told, who)
		r.mu.Unlock()
	}
	if !watches {
		r.mu.Lock()
		r.loads++
		r.mu.Unlock()
	}
	if strings.Contains(req.URL.Path, "/versions/") {
		r.mu.Lock()
		r.asked = append(r.asked, req.URL.Path)
		hold := r.hold
		r.mu.Unlock()
		if hold != nil {
			<-hold
		}
	}
	for {
		r.mu.Lock()
		d, found := r.find(req.URL.Path)
		away, mute, woken := r.away, r.mute, r.woken
		r.mu.Unlock()
		same := found && req.Header.Get("If-None-Match") == params.ETag(d.Version, d.Digest)
		switch {
		case away:
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		case watches && (same || mute):
			select {
			case <-woken:
			case <-req.Context().Done():
				return
			}
			continue
		case !found:
			http.NotFound(w, req)
		case same:
			w.WriteHeader(http.StatusNotModified)
		default:
			_ = json.MarshalWrite(w, d) // a client that went away needs none
		}
		return
	}
}

// loadsAgain waits until a replica that has nothing to serve has asked three times
// more, and so has done at least once with an answer that came after the call.
func (r *registry) loadsAgain(t *testing.T) {
	t.Helper()
	loads := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.loads
	}
	before := loads()
	require.Eventually(t, func() bool { return loads() >= before+3 }, time.Minute, time.Millisecond)
}

// follows runs a replica of [frameworktest.Scale] on a registry.
func (r *registry) follows(t *testing.T, change func(*framework.Settings)) (url string) {
	t.Helper()
	return r.followedBy(t, frameworktest.Scale, change)
}

// followedBy runs a replica of a function on a registry.
func (r *registry) followedBy(t *testing.T, f framework.Function, change func(*framework.Settings)) (url string) {
	t.Helper()
	s := framework.Settings{ParamsURL: r.url, ParamsPoll: time.Hour}
	if change != nil {
		change(&s)
	}
	replica, err := framework.NewReplica(f, s, io.Discard)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { replica.Run(ctx) })
	server := httptest.NewServer(replica.Handler(false))
	t.Cleanup(func() {
		server.Close()
		cancel()
		running.Wait()
	})
	return server.URL
}

// send makes a request; headers are names and values in turn.
func send(t *testing.T, method, url, body string, headers ...string) (status int, header http.Header, text string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(all)
}

// stands waits until a replica says that it is on a version, and how.
func stands(t *testing.T, url string, version int64, state params.State) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, _, text := send(t, http.MethodGet, url+"/params", "")
		var u struct {
			Version int64        `json:"version"`
			State   params.State `json:"state"`
		}
		return assert.NoError(t, json.Unmarshal([]byte(text), &u)) && u.Version == version && u.State == state
	}, time.Minute, time.Millisecond)
}

func scales(t *testing.T, version int64, factor string) params.Document {
	t.Helper()
	return frameworktest.Document(t, "scale", version, `{"factor":`+factor+`}`)
}
