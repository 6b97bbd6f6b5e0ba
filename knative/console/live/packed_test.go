package live_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/console/live"
)

// counted counts what is read.
type counted struct {
	io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// Whoever takes gzip gets each event at once, and the large ones small.
func TestPacked(t *testing.T) {
	t.Parallel()
	models := strings.Repeat(`{"name":"model","signature":{"kind":"quantile"}},`, 2000)
	r := start(t, func(c *live.Config) {
		plain := c.Source
		c.Source = func() live.Source {
			s := plain().(*source)
			s.begin = []live.Event{{Name: "models", Data: []byte(models)}}
			return s
		}
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.URL, nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", "br, gzip") // by hand: the client leaves it packed
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "gzip", resp.Header.Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", resp.Header.Get("Vary"))
	wire := &counted{Reader: resp.Body}
	unpacked, err := gzip.NewReader(wire)
	require.NoError(t, err)
	heard := make(chan live.Event)
	failed := make(chan error, 1)
	go func() {
		defer close(heard)
		for e, err := range live.Read(unpacked) {
			if err != nil {
				failed <- err
				return
			}
			heard <- e
		}
	}()
	s, _ := wait(t, r.sources)
	e, _ := wait(t, heard)
	require.Equal(t, models, string(e.Data))
	assert.Less(t, wire.n.Load(), int64(len(models)/20))
	for _, data := range []string{"small", strings.Repeat("x", 1100), models, "small again"} {
		s.tell("more", "", data)
		e, _ := wait(t, heard)
		require.Equal(t, data, string(e.Data), "it does not wait for the next one")
	}
	r.hub.Close()
	_, more := wait(t, heard)
	require.False(t, more)
	select {
	case err := <-failed:
		require.NoError(t, err, "it ends in order, and its checksum is right")
	default:
	}
}

func TestNotPacked(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for _, accept := range []string{"identity", "br", "gzip;q=0", "gzip ; q=0.0, deflate"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.URL, nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Encoding", accept)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		assert.Empty(t, resp.Header.Get("Content-Encoding"), accept)
		for e, err := range live.Read(resp.Body) {
			require.NoError(t, err)
			require.Equal(t, "begin", e.Name)
			break
		}
		require.NoError(t, resp.Body.Close())
	}
}
