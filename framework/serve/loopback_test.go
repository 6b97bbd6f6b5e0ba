package serve_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/serve"
)

func tcp(t *testing.T, s string) net.Addr {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", s)
	require.NoError(t, err)
	return addr
}

// open is a handler that lets everything in.
type open struct{}

func (open) ServeHTTP(http.ResponseWriter, *http.Request) {}

func (open) Drain() {}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"127.0.0.1:80": true, "127.0.0.2:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false,
	} {
		assert.Equal(t, want, serve.IsLoopback(tcp(t, addr)), addr)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	tests := []struct {
		why     string
		listen  string
		method  string
		host    string
		headers []string
		want    int
	}{
		{"a program", "127.0.0.1:8080", "POST", "127.0.0.1:8080", nil, 200},
		{"another name of it", "127.0.0.1:8080", "POST", "localhost:8080", nil, 200},
		{"names have no case", "127.0.0.1:8080", "POST", "LocalHost:8080", nil, 200},
		{"IPv6", "[::1]:8080", "POST", "[::1]:8080", nil, 200},
		{"another loopback address", "127.0.0.9:8080", "POST", "127.0.0.9:8080", nil, 200},
		{"the scheme's port is left out", "127.0.0.1:80", "POST", "localhost", nil, 200},
		{"the same, IPv6", "[::1]:80", "POST", "[::1]", nil, 200},
		{"its own page", "127.0.0.1:8080", "POST", "127.0.0.1:8080", []string{"Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-origin"}, 200},
		{"typed by the person", "127.0.0.1:8080", "POST", "127.0.0.1:8080", []string{"Sec-Fetch-Site", "none"}, 200},
		{"a link on another site", "127.0.0.1:8080", "GET", "127.0.0.1:8080", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		{"DNS rebinding", "127.0.0.1:8080", "GET", "evil.example:8080", nil, 403},
		{"a name that ends like ours", "127.0.0.1:8080", "GET", "x.localhost:8080", nil, 403},
		{"another port", "127.0.0.1:8080", "GET", "127.0.0.1:9090", nil, 403},
		{"no port", "127.0.0.1:8080", "GET", "127.0.0.1", nil, 403},
		{"a form on another site", "127.0.0.1:8080", "POST", "127.0.0.1:8080", []string{"Origin", "http://evil.example", "Content-Type", "text/plain"}, 403},
		{"a sandboxed page", "127.0.0.1:8080", "POST", "127.0.0.1:8080", []string{"Origin", "null"}, 403},
		{"another program's page on this machine", "127.0.0.1:8080", "PUT", "127.0.0.1:8080", []string{"Origin", "http://127.0.0.1:3000", "Sec-Fetch-Site", "same-site"}, 403},
		{"a browser that sends no Origin", "127.0.0.1:8080", "DELETE", "127.0.0.1:8080", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"our name as a prefix", "127.0.0.1:8080", "POST", "127.0.0.1:8080", []string{"Origin", "http://127.0.0.1:8080.evil.example"}, 403},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			h := serve.Loopback(tcp(t, tt.listen), open{})
			r := httptest.NewRequest(tt.method, "/", nil)
			r.Host = tt.host
			r.RemoteAddr = "127.0.0.1:1234" // decides nothing
			for i := 0; i < len(tt.headers); i += 2 {
				r.Header.Set(tt.headers[i], tt.headers[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Equal(t, tt.want, w.Code, w.Body)
		})
	}
}
