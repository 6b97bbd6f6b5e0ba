package framework_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
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
	looks int              // by those who do not
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
	if !watches {
		r.mu.Lock()
		r.looks++
		r.mu.Unlock()
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
	s := framework.Settings{ParamsURL: r.url, ParamsPoll: time.Hour}
	if change != nil {
		change(&s)
	}
	replica, err := framework.NewReplica(frameworktest.Scale, s, io.Discard)
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
	r.change(func() { before = r.looks })
	accepted("Ce-Sequence", "0000000000000000003")
	r.change(func() { after = r.looks })
	require.Equal(t, before, after, "nothing is asked for the params that serve")
	r.put(scales(t, 4, `"x"`))
	accepted("Ce-Sequence", "0000000000000000004")
	stands(t, url, 3, params.Rejected)
	refused(http.StatusServiceUnavailable, "Ce-Sequence", "0000000000000000005")

	r.change(func() { r.away = true })
	refused(http.StatusServiceUnavailable, "Ce-Sequence", "0000000000000000004")
	stands(t, url, 3, params.Stale)
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

// TestFallback: with the registry away at the start, what is in the image serves as
// stale, unless that is not what is wanted.
func TestFallback(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bundle.json")
	frameworktest.WriteBundle(t, path, frameworktest.Bundle(scales(t, 1, "1")))
	away := func(t *testing.T, change func(*framework.Settings)) (*registry, string) {
		r := newRegistry(t, scales(t, 1, "1"), scales(t, 2, "2"))
		r.away = true
		return r, r.follows(t, func(s *framework.Settings) {
			s.ParamsPath, s.ParamsStartTimeout, s.ParamsPoll = path, time.Millisecond, 10*time.Millisecond
			change(s)
		})
	}
	back := func(r *registry) { r.change(func() { r.away = false }) }
	t.Run("until the registry answers", func(t *testing.T) {
		r, url := away(t, func(*framework.Settings) {})
		stands(t, url, 1, params.Stale)
		back(r)
		stands(t, url, 2, params.Serving)
	})
	for _, digest := range []string{"", scales(t, 1, "1").Digest} {
		t.Run("as the version that is pinned, with the digest "+digest, func(t *testing.T) {
			r, url := away(t, func(s *framework.Settings) { s.ParamsVersion, s.ParamsDigest = 1, digest })
			stands(t, url, 1, params.Stale)
			back(r)
			stands(t, url, 1, params.Serving)
		})
	}
	other := scales(t, 1, "7")
	for name, tt := range map[string]struct {
		change func(*framework.Settings)
		then   int64 // serves when the registry is back; 0 for none
	}{
		"not if another version is pinned":  {func(s *framework.Settings) { s.ParamsVersion = 2 }, 2},
		"not if another digest is pinned":   {func(s *framework.Settings) { s.ParamsVersion, s.ParamsDigest = 1, other.Digest }, 1},
		"nor what the registry has instead": {func(s *framework.Settings) { s.ParamsVersion, s.ParamsDigest = 2, other.Digest }, 0},
		"not if it is turned off":           {func(s *framework.Settings) { s.NoFallback = true }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r, url := away(t, tt.change)
			unready := func() {
				t.Helper()
				r.loadsAgain(t)
				status, _, text := send(t, http.MethodGet, url+"/health/ready", "")
				require.Equal(t, http.StatusServiceUnavailable, status, text)
			}
			unready()
			if tt.then == 1 {
				r.put(other)
			}
			back(r)
			if tt.then == 0 {
				unready()
				return
			}
			stands(t, url, tt.then, params.Serving)
			if tt.then == 1 {
				require.Equal(t, `{"output":[7,14]}`, post(t, url, `{"input":[1,2]}`))
			}
		})
	}
}

// TestReplicaTellsItsRegistry: how it stands, with every watch, and at once when it
// is about to end.
func TestReplicaTellsItsRegistry(t *testing.T) {
	r := newRegistry(t, scales(t, 1, "1"))
	tells := func(want params.Replica) {
		t.Helper()
		require.Eventually(t, func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(r.told) == 0 {
				return false
			}
			last := r.told[len(r.told)-1]
			want.Name, want.Digest = last.Name, last.Digest
			return last == want
		}, time.Minute, time.Millisecond, "%+v", want)
	}
	env := map[string]string{
		"HOST": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0", "PARAMS_URL": r.url, "PARAMS_POLL": "1h", "K_REVISION": "scale-00002", "DRAIN_DELAY": "0s",
	}
	ctx, end := context.WithCancel(t.Context())
	lines, log := io.Pipe()
	var running sync.WaitGroup
	running.Go(func() {
		assert.Zero(t, framework.Run(ctx, frameworktest.Scale, nil, func(name string) string { return env[name] }, io.Discard, log))
		log.Close()
	})
	listening := make(chan string, 1)
	running.Go(func() {
		for l := bufio.NewScanner(lines); l.Scan(); {
			var line struct {
				Traffic string `json:"traffic"`
			}
			if json.Unmarshal(l.Bytes(), &line) == nil && line.Traffic != "" {
				listening <- line.Traffic
			}
		}
	})
	t.Cleanup(func() { end(); running.Wait() })
	tells(params.Replica{Revision: "scale-00002", Version: 1, State: params.Serving})
	r.put(scales(t, 2, `"x"`))
	tells(params.Replica{Revision: "scale-00002", Version: 1, State: params.Rejected, Error: "params.factor: not a number"})
	r.put(scales(t, 3, "3"))
	tells(params.Replica{Revision: "scale-00002", Version: 3, State: params.Serving})

	c, err := net.Dial("tcp", <-listening) // a request on its way, which the end waits for
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(c, "POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 15\r\n\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(c)
	_, err = in.ReadString('\n') // its header was read
	require.NoError(t, err)
	end()
	tells(params.Replica{Revision: "scale-00002", Version: 3, State: params.Draining})
	_, err = io.WriteString(c, `{"input":[1,2]}`)
	require.NoError(t, err)
	all, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Contains(t, string(all), `{"output":[3,6]}`)
}
