package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	_ "gocloud.dev/blob/s3blob" // as the program has it

	"github.com/modelfn/modelfn/framework/params"
)

// asProgram makes this test's binary the registry's program.
const asProgram = "MODELFN_TEST_REGISTRY"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		Main()
	}
	os.Exit(m.Run())
}

// process is a registry's program that runs.
type process struct {
	t     testing.TB
	url   string
	env   []string
	cmd   *exec.Cmd
	log   *output
	ended chan struct{}
}

// output is what a program has written so far.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// freePort returns a port of 127.0.0.1 that nobody else is given until the test
// ends: a socket holds it that does not listen, so that the program which knows its
// number can, again and again.
func freePort(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	syscall.CloseOnExec(fd)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	require.NoError(t, syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	address, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	return strconv.Itoa(address.(*syscall.SockaddrInet4).Port)
}

// launch starts a registry's program on a store, on a port of its own that it keeps
// when it is started again.
func launch(t testing.TB, storeURL string, env ...string) *process {
	t.Helper()
	port := freePort(t)
	p := &process{t: t, url: "http://127.0.0.1:" + port, log: &output{}}
	p.env = append(append(os.Environ(), asProgram+"=1", "HOST=127.0.0.1", "PORT="+port, "ADMIN_PORT=0", "K_REVISION=registry-00001", "STORE_URL="+storeURL), env...)
	p.begin()
	t.Cleanup(p.kill)
	return p
}

// start is launch on a folder, and returns when the program serves.
func start(t testing.TB, folder string, env ...string) *process {
	t.Helper()
	p := launch(t, "file://"+folder, env...)
	p.serves()
	return p
}

// begin starts the program, again.
func (p *process) begin() {
	p.t.Helper()
	cmd, ended := exec.Command(os.Args[0]), make(chan struct{})
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, p.log, p.log
	require.NoError(p.t, cmd.Start())
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the exit code is looked at
	}()
	p.cmd, p.ended = cmd, ended
}

// serves waits until the program answers.
func (p *process) serves() {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		select {
		case <-p.ended:
			require.FailNow(p.t, "the program has ended", "%s", p.log)
		default:
		}
		resp, err := http.Get(p.url + "/health/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, time.Millisecond, "%s", p.log)
}

// kill ends the program as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// end sends SIGTERM and returns the exit code.
func (p *process) end() int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.exit()
}

func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		require.FailNow(p.t, "the program did not end", "%s", p.log)
	}
	return p.cmd.ProcessState.ExitCode()
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) doc(t testing.TB) params.Document {
	t.Helper()
	var d params.Document
	require.NoError(t, json.Unmarshal([]byte(r.body), &d), r.body)
	return d
}

// client does not reuse connections: the other end is killed a lot.
var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// try makes a request; headers are names and values in turn, of which Host is sent
// as such.
func (p *process) try(ctx context.Context, method, path, body string, headers ...string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(text)}, err
}

func (p *process) do(method, path, body string, headers ...string) reply {
	p.t.Helper()
	r, err := p.try(p.t.Context(), method, path, body, headers...)
	require.NoError(p.t, err, "%s", p.log)
	return r
}

// known makes model-a known.
func (p *process) known(headers ...string) *process {
	p.t.Helper()
	r := p.do("PUT", "/params/model-a", `{"params":0,"schema":{"type":"number"},"message":"the first"}`, headers...)
	require.Equal(p.t, http.StatusCreated, r.status, r.body)
	return p
}

// history returns all versions of a model, the first one first.
func (p *process) history(model string) []params.Document {
	p.t.Helper()
	var all []params.Document
	for before := ""; ; {
		r := p.do("GET", "/params/"+model+"/versions?limit=100"+before, "")
		require.Equal(p.t, http.StatusOK, r.status, r.body)
		var page struct {
			Versions []params.Document `json:"versions"`
			Next     int64             `json:"next"`
		}
		require.NoError(p.t, json.Unmarshal([]byte(r.body), &page))
		for _, d := range page.Versions {
			require.NoError(p.t, d.Check())
			all = append([]params.Document{d}, all...)
		}
		if page.Next == 0 {
			break
		}
		before = fmt.Sprintf("&before=%d", page.Next)
	}
	for i, d := range all {
		require.EqualValues(p.t, i+1, d.Version, "a hole")
	}
	return all
}

// tokens writes a token file of owners and their tokens in turn.
func tokens(t testing.TB, path string, lines ...string) string {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "tokens")
	}
	var text strings.Builder
	for i := 0; i < len(lines); i += 2 {
		fmt.Fprintf(&text, "%s sha256:%x\n", lines[i], sha256.Sum256([]byte(lines[i+1])))
	}
	require.NoError(t, os.WriteFile(path+".new", []byte(text.String()), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
	return path
}
