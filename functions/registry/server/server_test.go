package server

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// environment is what a registry needs at least, and what one test changes.
func environment(t testing.TB, changes ...string) func(string) string {
	env := map[string]string{"HOST": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0", "STORE_URL": "file://" + t.TempDir(), "K_REVISION": "r"}
	for i := 0; i < len(changes); i += 2 {
		env[changes[i]] = changes[i+1]
	}
	return func(name string) string { return env[name] }
}

// TestBadSettings: each is named, with what is wrong with it, and the program ends.
func TestBadSettings(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)

	for _, c := range []struct{ name, value, want string }{
		{"STORE_URL", "", "STORE_URL: not set"},
		{"STORE_URL", "var/lib/params", "STORE_URL: neither"},
		{"STORE_URL", "http://bucket", "STORE_URL: neither"},
		{"STORE_URL", "s3://", "STORE_URL: neither"},
		{"STORE_URL", "file://var/lib/params", "STORE_URL: file: needs the full path"},
		{"STORE_URL", "file:params", "STORE_URL: file: needs the full path"},
		{"STORE_URL", "%zz", "STORE_URL: not a URL"},
		{"STORE_URL", "file:///dev/null", "opening the store"},
		{"STORE_URL", "s3://bucket?nonsense=1", "opening the store"},
		{"K_SINK", "broker", `K_SINK: "broker" is not an http or https URL`},
		{"K_SINK", "ftp://broker", `K_SINK: "ftp://broker"`},
		{"K_CE_OVERRIDES", "{", "K_CE_OVERRIDES: not of the form"},
		{"K_CE_OVERRIDES", `{"extensions":{"a":1}}`, "K_CE_OVERRIDES: not of the form"},
		{"K_CE_OVERRIDES", `{"extensions":{"Name":"x"}}`, `K_CE_OVERRIDES: "Name" is not the name of an extension`},
		{"K_CE_OVERRIDES", `{"extensions":{"id":"x"}}`, `K_CE_OVERRIDES: "id" is set by the registry`},
		{"K_CE_OVERRIDES", `{"extensions":{"sequence":"x"}}`, `K_CE_OVERRIDES: "sequence" is set by the registry`},
		{"NAMESPACE", "a/b", `NAMESPACE: "a/b" is not the name of a namespace`},
		{"PORT", "http", "PORT:"},
		{"PORT", "70000", "PORT:"},
		{"PORT", port, "opening the traffic port"},
		{"ADMIN_PORT", port, "opening the admin port"},
		{"MAX_BODY_BYTES", "0", "MAX_BODY_BYTES:"},
		{"REQUEST_TIMEOUT", "soon", "REQUEST_TIMEOUT:"},
		{"DRAIN_TIMEOUT", "-1s", "DRAIN_TIMEOUT:"},
		{"LOG_LEVEL", "loud", "LOG_LEVEL:"},
		{"TOKENS_PATH", "/does/not/exist", "reading tokens"},
		{"HOST", "", "without TOKENS_PATH anybody could write"},
		{"HOST", "0.0.0.0", "without TOKENS_PATH anybody could write"},
		{"HOST", "::", "without TOKENS_PATH anybody could write"},
	} {
		var stderr bytes.Buffer
		require.Equal(t, 1, Run(t.Context(), environment(t, c.name, c.value), &stderr), "%s=%s", c.name, c.value)
		require.Contains(t, stderr.String(), c.want, "%s=%s", c.name, c.value)
		require.True(t, strings.HasPrefix(stderr.String(), "registry: "))
		require.NotContains(t, stderr.String(), "goroutine")
	}
	var stderr bytes.Buffer
	require.Equal(t, 1, Run(t.Context(), environment(t, "STORE_URL", "", "K_SINK", "x", "PORT", "y"), &stderr))
	for _, name := range []string{"STORE_URL", "K_SINK", "PORT"} {
		require.Contains(t, stderr.String(), name+": ", "all at once")
	}
}

// TestArguments: they serve nothing.
func TestArguments(t *testing.T) {
	var out bytes.Buffer
	p := programOf(environment(t), &out)
	require.Zero(t, p.Run(t.Context(), []string{"--version"}, &out, &out))
	require.Regexp(t, `^registry \S+\n$`, out.String())
	require.Equal(t, 2, p.Run(t.Context(), []string{"serve"}, &out, &out))
	require.Equal(t, 2, p.Run(t.Context(), []string{"--port=80"}, &out, &out))
}

// TestListensWithTokens: with tokens every address is good.
func TestListensWithTokens(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var log output
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		assert.Zero(t, Run(ctx, environment(t, "HOST", "", "TOKENS_PATH", tokens(t, "", "alice", "secret")), &log))
	})
	require.Eventually(t, func() bool { return strings.Contains(log.String(), `"traffic":"[::]:`) }, time.Minute, time.Millisecond)
}

// TestDrain: at SIGTERM waits end at once, what is under way is answered, and the
// program ends well.
func TestDrain(t *testing.T) {
	p := start(t, t.TempDir()).known()
	etag := p.do("GET", "/params/model-a", "").header.Get("Etag")
	watches := make(chan reply, 5)
	for range cap(watches) {
		go func() {
			r, err := p.try(context.Background(), "GET", "/params/model-a", "", "If-None-Match", etag, "Prefer", "wait=30")
			if err != nil {
				r.body = err.Error()
			}
			watches <- r
		}()
	}
	admin := p.admin()
	require.Eventually(t, func() bool {
		return strings.Contains(get(t, admin+"/metrics"), `modelfn_registry_watches{model="registry"} 5`)
	}, time.Minute, time.Millisecond)
	began := time.Now()
	require.Zero(t, p.end(), "%s", p.log)
	for range cap(watches) {
		r := <-watches
		require.Equal(t, http.StatusNotModified, r.status, r.body)
	}
	require.Less(t, time.Since(began), 20*time.Second, "nobody waited for the 30 s")
	require.Contains(t, p.log.String(), "params written")
	for line := range strings.Lines(p.log.String()) {
		var exact map[string]jsontext.Value // which refuses a name that is there twice
		require.NoError(t, json.Unmarshal([]byte(line), &exact), line)
	}
}

// admin returns the URL of the admin port.
func (p *process) admin() string {
	p.t.Helper()
	var address string
	require.Eventually(p.t, func() bool {
		_, rest, ok := strings.Cut(p.log.String(), `"admin":"`)
		address, _, _ = strings.Cut(rest, `"`)
		return ok
	}, time.Minute, time.Millisecond)
	return "http://" + address
}

func get(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	require.NoError(t, err)
	return b.String()
}

// broker notes the events that it gets; while hang is open it answers none.
type broker struct {
	*httptest.Server
	hang chan struct{}

	mu  sync.Mutex // guards got
	got map[string]int
}

func newBroker(t testing.TB) *broker {
	b := &broker{hang: make(chan struct{}), got: map[string]int{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-b.hang:
		case <-r.Context().Done():
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.got[r.Header.Get("Ce-Source")+" "+r.Header.Get("Ce-Id")+" "+r.Header.Get("Ce-Env")]++
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *broker) has(events ...string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		if b.got["/modelfn/team/params "+e+" test"] == 0 {
			return false
		}
	}
	return true
}

// TestAnnouncements: a write neither waits for the sink nor fails with it, and what
// it did not take is announced after a restart, by whichever registry.
func TestAnnouncements(t *testing.T) {
	folder, sink := t.TempDir(), newBroker(t)
	env := []string{"K_SINK=" + sink.URL, "NAMESPACE=team", `K_CE_OVERRIDES={"extensions":{"env":"test"}}`}
	one, other := start(t, folder, env...), start(t, folder, env...)
	one.known()
	for range 4 { // while the sink hangs
		require.Equal(t, http.StatusCreated, one.do("PUT", "/params/model-a", `{"params":1}`).status)
		require.Equal(t, http.StatusCreated, other.do("PUT", "/params/model-a?hold=true", `{"params":2}`).status)
	}
	require.Zero(t, one.end(), "%s", one.log)
	other.kill()
	close(sink.hang)
	start(t, folder, env...)
	require.Eventually(t, func() bool { return sink.has("model-a/1", "model-a/2", "model-a/4", "model-a/6", "model-a/8") }, time.Minute, time.Millisecond)
	require.False(t, sink.has("model-a/3"), "it is held")
}

// TestMetrics: the figures are where those who operate the registry look.
func TestMetrics(t *testing.T) {
	p := start(t, t.TempDir(), "K_SINK=http://127.0.0.1:1").known()
	p.do("PUT", "/params/model-a", `{"params":"x"}`)
	p.do("PUT", "/params/model-a", `{"params":1}`, "If-Match", `"x"`)
	admin := p.admin()
	for _, line := range []string{
		`modelfn_registry_writes_total{model="registry",outcome="written"} 1`, `modelfn_registry_writes_total{model="registry",outcome="refused"} 1`,
		`modelfn_registry_writes_total{model="registry",outcome="conflict"} 1`, `modelfn_registry_writes_total{model="registry",outcome="failed"} 0`,
		`modelfn_registry_watches{model="registry"} 0`, `modelfn_requests_total{code="412",model="registry",route="put"} 1`,
		`modelfn_registry_events_pending{model="registry"} 1`,
	} {
		// What is counted shows a moment after it was answered.
		require.Eventually(t, func() bool { return strings.Contains(get(t, admin+"/metrics"), line) }, time.Minute, time.Millisecond, line)
	}
}
