package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/console"
)

func TestParseProxies(t *testing.T) {
	t.Parallel()
	p, err := console.ParseProxies(" 10.244.0.0/16, 127.0.0.1,::1 ,")
	require.NoError(t, err)
	assert.Equal(t, "[10.244.0.0/16 127.0.0.1/32 ::1/128]", fmt.Sprint(p))
	p, err = console.ParseProxies("")
	require.NoError(t, err)
	assert.Empty(t, p)
	for _, wrong := range []string{"x", "10.0.0.0/33", "10.0.0.1:80"} {
		_, err := console.ParseProxies(wrong)
		assert.ErrorContains(t, err, wrong)
	}
}

// Wrong tokens are counted by whom a trusted proxy names, and by nothing that a
// client says of itself.
func TestClient(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, proxies string
		limited, free []string // X-Forwarded-For of who had 20 wrong tokens, and of another
		same          bool     // they are taken for the same client
	}{
		{"a stranger where there are proxies", "10.0.0.0/8", []string{"192.0.2.1"}, []string{"192.0.2.2"}, true},
		{"behind a proxy", "127.0.0.1", []string{"192.0.2.1"}, []string{"192.0.2.2"}, false},
		{"behind two", "127.0.0.1,10.0.0.0/8", []string{"192.0.2.1, 10.0.0.1"}, []string{"192.0.2.2, 10.0.0.1"}, false},
		{"what the client itself says", "127.0.0.1", []string{"192.0.2.1, 192.0.2.9"}, []string{"192.0.2.2, 192.0.2.9"}, true},
		{"on a line of its own", "127.0.0.1", []string{"192.0.2.1", "192.0.2.9"}, []string{"192.0.2.2", "192.0.2.9"}, true},
		{"behind a proxy that is not known", "127.0.0.1", []string{"192.0.2.1, 10.0.0.1"}, []string{"192.0.2.2, 10.0.0.1"}, true},
		{"what is no address", "127.0.0.1", []string{"192.0.2.1, unknown"}, []string{"192.0.2.2, x"}, true},
		{"one network of IPv6", "127.0.0.1", []string{"2001:db8::1"}, []string{"[2001:db8::2]:443"}, true},
		{"two networks of IPv6", "127.0.0.1", []string{"2001:db8:0:1::1"}, []string{"2001:db8:0:2::1"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, _ := gateway(t, nil, func(c *console.Config) {
				var err error
				c.Tokens = tokens(t)
				c.Proxies, err = console.ParseProxies(tt.proxies)
				require.NoError(t, err)
			})
			status := func(bearer string, forwarded []string) int {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/session", nil)
				require.NoError(t, err)
				req.Header.Set("Authorization", "Bearer "+bearer)
				req.Header["X-Forwarded-For"] = forwarded
				resp, err := http.DefaultClient.Do(req)
				require.NoError(t, err)
				resp.Body.Close()
				return resp.StatusCode
			}
			for range 20 {
				require.Equal(t, http.StatusUnauthorized, status("wrong", tt.limited))
			}
			require.Equal(t, http.StatusTooManyRequests, status("secret", tt.limited))
			want := http.StatusOK
			if tt.same {
				want = http.StatusTooManyRequests
			}
			require.Equal(t, want, status("secret", tt.free))
		})
	}
}

// Where no proxies are known the peer may speak for everybody: whoever guesses there
// does not keep out those who have a token.
func TestGuessesOfAnybody(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, nil, func(c *console.Config) { c.Tokens = tokens(t) })
	status := func(bearer string) int {
		resp, _ := do(t, http.MethodGet, server.URL+"/api/session", "", "Authorization", "Bearer "+bearer)
		return resp.StatusCode
	}
	for range 20 {
		require.Equal(t, http.StatusUnauthorized, status("wrong"))
	}
	require.Equal(t, http.StatusTooManyRequests, status("wrong"))
	require.Equal(t, http.StatusOK, status("secret"))
}

// Behind an ingress one client cannot take the live streams of all others, whatever
// it says of itself. Without a proxy that is trusted only the number of all is bounded.
func TestStreamsOfClient(t *testing.T) {
	t.Parallel()
	for _, proxies := range []string{"", "127.0.0.1"} {
		t.Run(proxies, func(t *testing.T) {
			t.Parallel()
			server, _ := gateway(t, nil, func(c *console.Config) {
				var err error
				c.Open = true
				c.Proxies, err = console.ParseProxies(proxies)
				require.NoError(t, err)
			})
			listens := func(through, forwarded string) int {
				ctx, cancel := context.WithCancel(context.Background())
				t.Cleanup(cancel)
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, through+"/api/live", nil)
				require.NoError(t, err)
				req.Header.Set("X-Forwarded-For", forwarded)
				resp, err := http.DefaultClient.Do(req)
				require.NoError(t, err)
				t.Cleanup(func() { resp.Body.Close() })
				return resp.StatusCode
			}
			ingress := ingressOf(t, server.URL, "192.0.2.1")
			other := ingressOf(t, server.URL, "192.0.2.2")
			for i := range console.StreamsOfClient {
				require.Equal(t, http.StatusOK, listens(ingress, fmt.Sprint("192.0.2.", 100+i)))
			}
			want := http.StatusServiceUnavailable
			if proxies == "" {
				want = http.StatusOK
			}
			require.Equal(t, want, listens(ingress, "192.0.2.99"))
			require.Equal(t, http.StatusOK, listens(other, "192.0.2.99"))
		})
	}
}

// ingressOf is a proxy that a client with an address has come to.
func ingressOf(t *testing.T, to, client string) string {
	t.Helper()
	target, err := url.Parse(to)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.In.RemoteAddr = client + ":1024"
			p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
			p.SetXForwarded()
		},
		FlushInterval: time.Millisecond,
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}
