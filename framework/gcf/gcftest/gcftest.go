// Package gcftest serves handlers by functions-framework-go in tests: the handler
// part of the conformance suite takes [Serve] as it is.
package gcftest

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/stretchr/testify/require"
)

var (
	starting sync.Mutex // guards FUNCTION_TARGET while a server starts
	started  atomic.Int64
)

// Serve serves a handler by functions-framework-go's own server and returns the URL
// of its root. The server has no handler to borrow and no end: it lives as long as
// the test binary.
func Serve(t testing.TB, h http.Handler) (url string) {
	name := fmt.Sprintf("function-%d", started.Add(1))
	functions.HTTP(name, h.ServeHTTP)
	starting.Lock()
	defer starting.Unlock()
	require.NoError(t, os.Setenv("FUNCTION_TARGET", name))
	port := FreePort(t)
	failed := make(chan error, 1)
	go func() { failed <- funcframework.StartHostPort("127.0.0.1", port) }()
	url = "http://127.0.0.1:" + port
	Await(t, func() bool {
		select {
		case err := <-failed:
			require.NoError(t, err)
		default:
		}
		resp, err := http.Get(url + "/health/live")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return url
}

// FreePort returns a port of 127.0.0.1 that is free now.
func FreePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

// Await waits until a condition holds, for a minute at most.
func Await(t testing.TB, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, time.Minute, 5*time.Millisecond)
}
