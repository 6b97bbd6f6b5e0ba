package frameworktest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/params"
)

// Config says how a function runs in a test.
type Config struct {
	Function   framework.Function
	Components []framework.Function // that run in its process

	// Bundle is what it serves first; nil means that there are no params yet.
	Bundle *params.Bundle

	// Settings are those of the function; ParamsPath, ParamsPoll and Revision are
	// filled in.
	Settings framework.Settings

	// Trusted lets everybody evaluate params.
	Trusted bool

	// Serve serves the handler; nil means a server of package httptest.
	Serve func(t testing.TB, h http.Handler) (url string)
}

// Server is a function that runs in the test's own process until the test ends.
type Server struct {
	URL  string
	name string // of the function
	path string // of the bundle
	log  *lines
}

// Start runs a function, and returns once it is ready, if it has params.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	d, err := cfg.Function.Describe()
	require.NoError(t, err)
	s := &Server{name: d.Model, path: filepath.Join(t.TempDir(), "bundle.json"), log: &lines{}}
	if cfg.Bundle != nil {
		WriteBundle(t, s.path, cfg.Bundle)
	}
	settings := cfg.Settings
	settings.ParamsPath, settings.ParamsPoll, settings.Revision = s.path, 10*time.Millisecond, revision
	opts := make([]framework.Option, len(cfg.Components))
	for i, c := range cfg.Components {
		opts[i] = framework.Component(c)
	}
	replica, err := framework.NewReplica(cfg.Function, settings, s.log, opts...)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { replica.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	if cfg.Serve == nil {
		cfg.Serve = serveHTTPTest
	}
	s.URL = cfg.Serve(t, replica.Handler(cfg.Trusted))
	if cfg.Bundle != nil {
		s.waitReady(t)
	}
	return s
}

// revision is what functions under test run as.
const revision = "conformance-00001"

func serveHTTPTest(t testing.TB, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func (s *Server) waitReady(t testing.TB) {
	t.Helper()
	c := s.client(t)
	waitFor(t, "the function is ready", func() bool { return c.get("/health/ready").status == http.StatusOK })
}

// Put gives the function other params, and returns once they serve.
func (s *Server) Put(t testing.TB, b *params.Bundle) {
	t.Helper()
	WriteBundle(t, s.path, b)
	c := s.client(t)
	set, err := b.Set(s.name)
	require.NoError(t, err)
	waitFor(t, "the new params serve", func() bool { return c.get("/params").digest() == set.Digest })
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// find returns the lines with all of the parts.
func (l *lines) find(parts ...string) (found []string) {
	l.mu.Lock()
	text := l.text.String()
	l.mu.Unlock()
next:
	for line := range strings.Lines(text) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// wait waits for a line with all of the parts, and returns the first.
func (l *lines) wait(t testing.TB, parts ...string) (line string) {
	t.Helper()
	waitFor(t, "a log line with "+strings.Join(parts, " and "), func() bool {
		if found := l.find(parts...); len(found) > 0 {
			line = found[0]
		}
		return line != ""
	})
	return line
}

// waitFor waits until a condition holds.
func waitFor(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(end) {
			require.FailNow(t, "waited for a minute", "until %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
