package framework_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
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
