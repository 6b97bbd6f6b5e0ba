// Command watch tells many clients of a change with net/http alone: what was put
// last is held in memory, and a GET with its ETag waits for the next.
package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func main() {
	b := &board{changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", b.get)
	mux.HandleFunc("PUT /", b.put)
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), mux))
}

// board holds one body.
type board struct {
	mu      sync.Mutex // guards what follows
	body    []byte
	version int
	changed chan struct{} // closed at the next put
}

func (b *board) put(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.body = body
	b.version++
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *board) get(w http.ResponseWriter, r *http.Request) {
	for {
		b.mu.Lock()
		body, tag, changed := b.body, strconv.Itoa(b.version), b.changed
		b.mu.Unlock()
		if r.Header.Get("If-None-Match") != tag {
			w.Header().Set("ETag", tag)
			_, _ = w.Write(body) // a client that went away needs none
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
