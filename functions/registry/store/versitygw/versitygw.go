// Package versitygw gives tests a real S3 server: versitygw, over a folder of the
// test's own, on a free port of the loopback interface.
//
// The program is built from the Go module that hack/cluster/build/versitygw pins,
// the same that the cluster runs. That takes about a minute once, and nothing but a
// Go toolchain and its module proxy; the result is kept in .cache for the content of
// what pins it.
package versitygw

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	accessKey = "modelfn"
	secretKey = "not-a-secret"
	region    = "us-east-1"

	health = "/health"
)

// Server is an S3 server that runs until the end of its test.
type Server struct {
	// Address is where it listens, host:port.
	Address string

	root string // each folder in it is a bucket
}

// Start starts a server, and sets the environment variables from which an S3 client
// in this process takes its credentials. It builds the program first if need be.
func Start(t *testing.T) *Server {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	program := build(t)

	s := &Server{Address: freeAddress(t), root: t.TempDir()}
	cmd := exec.Command(program, "--access", accessKey, "--secret", secretKey, "--region", region,
		"--port", s.Address, "--health", health, "--keep-alive", "--quiet", "posix", s.root)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-ended
		if t.Failed() {
			t.Logf("versitygw wrote:\n%s", output.String())
		}
	})
	s.await(t, ended)
	return s
}

// await returns when the server answers.
func (s *Server) await(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Address+health, nil)
		require.NoError(t, err)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ended:
			t.Fatal("versitygw ended at its start")
		case <-ctx.Done():
			t.Fatal("versitygw does not answer")
		}
	}
}

// NewBucket makes an empty bucket and returns its URL.
func (s *Server) NewBucket(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp(s.root, "bucket-")
	require.NoError(t, err)
	return URL(filepath.Base(folder), s.Address)
}

// URL returns the URL of a bucket of the server, or of a proxy before it, at an
// address.
func URL(bucket, address string) string {
	query := url.Values{"endpoint": {"http://" + address}, "region": {region}, "use_path_style": {"true"}}
	return "s3://" + bucket + "?" + query.Encode()
}

// freeAddress returns an address of which nobody listens now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// build returns the path of the program.
func build(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/modelfn/modelfn").Output()
	require.NoError(t, err)
	repository := strings.TrimSpace(string(out))
	module := filepath.Join(repository, "hack", "cluster", "build", "versitygw")
	program := filepath.Join(repository, ".cache", "tools", "versitygw-"+pin(t, module))
	if _, err := os.Stat(program); err == nil {
		return program
	}
	t.Log("building versitygw: about a minute, once")
	require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o777))
	// It gets its name last: another test may be building it, too.
	unfinished := filepath.Join(t.TempDir(), "versitygw")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", module, "-v", "-mod=readonly", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w", "-o", unfinished, "github.com/versity/versitygw/cmd/versitygw")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := follow(t, stderr)
	require.NoError(t, cmd.Wait(), said)
	install(t, unfinished, program)
	return program
}

// pin returns a hash of what the program is built from.
func pin(t *testing.T, module string) string {
	t.Helper()
	sum := sha256.New()
	sum.Write([]byte(runtime.Version() + runtime.GOOS + runtime.GOARCH))
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(module, name))
		require.NoError(t, err)
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// follow reads what go build says, a package a line, and reports how it goes. It
// returns the last lines.
func follow(t *testing.T, stderr io.Reader) string {
	var compiled atomic.Int64
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				t.Logf("  %d packages compiled", compiled.Load())
			case <-done:
				return
			}
		}
	}()
	var last []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); compiled.Add(1) {
		last = append(last[max(0, len(last)-9):], lines.Text())
	}
	close(done)
	<-stopped
	return strings.Join(last, "\n")
}

// install copies the program to where it stays, and names it when it is whole.
func install(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	file, err := os.CreateTemp(filepath.Dir(to), "unfinished-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Remove(file.Name()) }) // it has another name, unless this failed
	_, err = file.Write(data)
	require.NoError(t, err)
	require.NoError(t, file.Chmod(0o755))
	require.NoError(t, file.Close())
	require.NoError(t, os.Rename(file.Name(), to))
}
