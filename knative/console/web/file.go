package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/modelfn/modelfn/knative/console/accept"
)

// file is one file of the page.
type file struct {
	kind   string // of its content
	cache  string
	hash   string
	plain  []byte
	brotli []byte // nil if the build made none
	gzip   func() []byte
}

// kinds are the media types of what a page is made of; those that are text can be
// compressed.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
	".map":  "application/json",
	".png":  "image/png",
	".webp": "image/webp",
	".ico":  "image/vnd.microsoft.icon",

	".webmanifest": "application/manifest+json",
	".woff2":       "font/woff2",
}

func newFile(name string, content []byte) *file {
	sum := sha256.Sum256(content)
	f := &file{kind: kinds[path.Ext(name)], cache: "no-cache", hash: hex.EncodeToString(sum[:8]), plain: content}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if strings.HasPrefix(name, "assets/") {
		f.cache = "public, max-age=31536000, immutable"
	}
	f.gzip = sync.OnceValue(f.pack)
	return f
}

// pack compresses a file, nil if that is of no use.
func (f *file) pack() []byte {
	text := strings.HasPrefix(f.kind, "text/") || strings.HasPrefix(f.kind, "application/") || f.kind == kinds[".svg"]
	if !text || len(f.plain) < 500 {
		return nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is one
	}
	_, _ = w.Write(f.plain) // into memory
	_ = w.Close()
	if b.Len() >= len(f.plain) {
		return nil
	}
	return b.Bytes()
}

// content returns what is sent to whoever takes these encodings, and its own.
func (f *file) content(accepted []string) (content []byte, encoding string) {
	if f.brotli != nil && accept.Takes(accepted, "br") {
		return f.brotli, "br"
	}
	if accept.Takes(accepted, "gzip") {
		if packed := f.gzip(); packed != nil {
			return packed, "gzip"
		}
	}
	return f.plain, ""
}

// ServeHTTP answers a GET or HEAD of a path that the page has.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.at(r.URL.Path)
	if f == nil {
		http.NotFound(w, r)
		return
	}
	content, encoding := f.content(r.Header["Accept-Encoding"])
	etag := `"` + f.hash + `"`
	if encoding != "" {
		etag = `"` + f.hash + "-" + encoding + `"`
	}
	h := w.Header()
	f.secure(h)
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", etag)
	h.Add("Vary", "Accept-Encoding")
	if has(r.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // an error means that the client has gone
	}
}

// policy lets the page run its own files and talk to its own origin, and nothing
// else.
const policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// secure sets the headers that keep other sites away from the page. Most of them are
// for what a browser shows as a document, and would only make the rest larger.
func (f *file) secure(h http.Header) {
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if f.kind != kinds[".html"] && f.kind != kinds[".svg"] {
		return
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
}

// items are the parts of a header that is a list, over all its lines.
func items(lines []string) []string {
	parts := strings.Split(strings.Join(lines, ","), ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// Wanted reports whether whoever asks is a browser that wants a page, and not a
// program that takes anything.
func Wanted(r *http.Request) bool { return accept.Takes(r.Header["Accept"], "text/html") }

// has reports whether If-None-Match names an entity tag.
func has(lines []string, etag string) bool {
	return slices.ContainsFunc(items(lines), func(item string) bool {
		return item == "*" || strings.TrimPrefix(item, "W/") == etag
	})
}
