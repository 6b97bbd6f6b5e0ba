// Hello is the smallest Knative function: it answers GET with the name of its
// revision and takes a CloudEvent by POST, which it logs. The cluster's check
// deploys it, and benchmarks compare with it.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hello from", os.Getenv("K_REVISION"))
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("event", r.Header.Get("Ce-Id"), "of type", r.Header.Get("Ce-Type"))
		w.WriteHeader(http.StatusAccepted) // no body: a Broker takes one for a reply
	})
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: mux}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		return server.Shutdown(context.Background()) // waits for requests in flight
	}
}
