package web_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/console/web"
)

var (
	script = strings.Repeat("console.log('hello');\n", 100)
	files  = fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html>" + strings.Repeat(" ", 1000))},
		"index.html.br":       {Data: []byte("packed")},
		"icon.svg":            {Data: []byte("<svg/>")},
		"assets/main-1a2b.js": {Data: []byte(script)},
		"assets/x-3c.woff2":   {Data: []byte(script)},
		"assets/orphan.js.br": {Data: []byte("x")},
		"assets/strange.xyz":  {Data: []byte("x")},
		"..data/secret":       {Data: []byte("x")},
	}
)

func ask(t *testing.T, page *web.Page, method, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = path
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r io.Reader) string {
	t.Helper()
	all, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(all)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	page, err := web.New(files)
	require.NoError(t, err)
	const forEver, askEachTime = "public, max-age=31536000, immutable", "no-cache"
	tests := []struct{ path, kind, cache string }{
		{"/", "text/html; charset=utf-8", askEachTime},
		{"/icon.svg", "image/svg+xml", askEachTime},
		{"/assets/main-1a2b.js", "text/javascript; charset=utf-8", forEver},
		{"/assets/strange.xyz", "application/octet-stream", forEver},
		{"/index.html", "", ""},
		{"/index.html.br", "", ""},
		{"/assets/orphan.js", "", ""},
		{"/assets", "", ""},
		{"/assets/", "", ""},
		{"//icon.svg", "", ""},
		{"/./icon.svg", "", ""},
		{"/assets/../icon.svg", "", ""},
		{"/../icon.svg", "", ""},
		{"/assets\\main-1a2b.js", "", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			resp := ask(t, page, "GET", tt.path)
			if tt.kind == "" {
				require.Equal(t, http.StatusNotFound, resp.StatusCode)
				require.False(t, page.Has(tt.path))
				return
			}
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.True(t, page.Has(tt.path))
			assert.Equal(t, tt.kind, resp.Header.Get("Content-Type"))
			assert.Equal(t, tt.cache, resp.Header.Get("Cache-Control"))
			assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
			assert.Equal(t, "same-origin", resp.Header.Get("Cross-Origin-Resource-Policy"))
			policy := resp.Header.Get("Content-Security-Policy")
			if tt.kind == "text/html; charset=utf-8" || tt.kind == "image/svg+xml" { // a browser may show it by itself
				assert.Equal(t, "DENY", resp.Header.Get("X-Frame-Options"))
				assert.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
				assert.Contains(t, policy, "default-src 'self'")
				assert.Contains(t, policy, "frame-ancestors 'none'")
				assert.NotContains(t, policy, "unsafe")
			} else {
				assert.Empty(t, policy, "it would only make the answer larger")
			}

			again := ask(t, page, "GET", tt.path, "If-None-Match", `"other", W/`+resp.Header.Get("ETag"))
			assert.Equal(t, http.StatusNotModified, again.StatusCode)
			assert.Empty(t, text(t, again.Body))
			assert.Equal(t, tt.cache, again.Header.Get("Cache-Control"))
		})
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	page, err := web.New(files)
	require.NoError(t, err)
	tests := []struct{ path, accept, want string }{
		{"/", "gzip, deflate, br", "br"},
		{"/", "gzip;q=1, br ; q=0", "gzip"},
		{"/", "BR;q=0.5", "br"},
		{"/", "br;q=0.000", ""},
		{"/", "*", ""},
		{"/", "brotli", ""},
		{"/assets/main-1a2b.js", "br, gzip", "gzip"},
		{"/assets/x-3c.woff2", "br, gzip", ""}, // compressed in itself
		{"/icon.svg", "gzip", ""},              // not worth it
	}
	etags := map[string]string{}
	for _, tt := range tests {
		resp := ask(t, page, "GET", tt.path, "Accept-Encoding", tt.accept)
		require.Equal(t, tt.want, resp.Header.Get("Content-Encoding"), "%v", tt)
		require.Equal(t, "Accept-Encoding", resp.Header.Get("Vary"))
		etags[tt.path+resp.Header.Get("ETag")] = tt.want
		if tt.path == "/" && tt.want == "br" {
			require.Equal(t, "packed", text(t, resp.Body))
		}
		if tt.path == "/assets/main-1a2b.js" {
			unpacked, err := gzip.NewReader(resp.Body)
			require.NoError(t, err)
			require.Equal(t, script, text(t, unpacked))
		}
		head := ask(t, page, "HEAD", tt.path, "Accept-Encoding", tt.accept)
		require.Equal(t, resp.Header, head.Header)
		require.Empty(t, text(t, head.Body))
	}
	require.Len(t, etags, 6, "each encoding of a file has its own entity tag: %v", etags)
}

func TestWanted(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": true,
		"text/html;q=0": false, "*/*": false, "": false, "application/json": false, "text/htmlx": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		require.Equal(t, want, web.Wanted(r), accept)
	}
}

// Whatever was built, there is a page, and it runs nothing that stands in the HTML.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	body := text(t, ask(t, web.Embedded(), "GET", "/").Body)
	require.Contains(t, body, "<title>modelfn</title>")
	require.NotContains(t, body, "<style")
	require.NotContains(t, body, "style=")
	require.NotRegexp(t, `<script(?: [^>]*)?>[^<]`, body)
}

func TestNoPage(t *testing.T) {
	t.Parallel()
	_, err := web.New(fstest.MapFS{"assets/main.js": {}})
	require.ErrorIs(t, err, fs.ErrNotExist)
	broken := fstest.MapFS{"index.html": {Mode: fs.ModeDir}, "index.html/x": {}}
	_, err = web.New(broken)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
