package framework_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
)

// TestNamedVersions: a request that names a version gets an answer of that one, of
// the history too, or none.
func TestNamedVersions(t *testing.T) {
	bad := scales(t, 2, `"x"`)
	r := newRegistry(t, scales(t, 1, "1"), bad, scales(t, 3, "3"))
	url := r.follows(t, nil)
	stands(t, url, 3, params.Serving)
	ask := func(headers ...string) (int, http.Header, string) {
		t.Helper()
		return send(t, http.MethodPost, url+"/predict", `{"input":[1,2]}`, headers...)
	}
	for version, want := range map[string]string{"1": `{"output":[1,2]}`, "3": `{"output":[3,6]}`} {
		status, header, text := ask(serve.VersionHeader, version)
		require.Equal(t, http.StatusOK, status, text)
		require.Equal(t, want, text)
		require.Equal(t, version, header.Get(serve.VersionHeader))
	}
	status, _, text := ask(serve.VersionHeader, "1", serve.DigestHeader, bad.Digest)
	require.Equal(t, http.StatusNotFound, status, text)
	status, _, text = ask(serve.VersionHeader, "9")
	require.Equal(t, http.StatusNotFound, status, text)
	require.Contains(t, text, "there is no params version 9")
	status, _, text = ask(serve.VersionHeader, "2")
	require.Equal(t, http.StatusNotFound, status, text)
	require.Contains(t, text, "params version 2 does not fit: params.factor: not a number", "the input is not what is wrong")

	r.change(func() { r.away = true })
	status, _, _ = ask(serve.VersionHeader, "1")
	require.Equal(t, http.StatusOK, status, "it was loaded before")
	status, header, text := ask(serve.VersionHeader, "8")
	require.Equal(t, http.StatusServiceUnavailable, status, text)
	require.NotEmpty(t, header.Get("Retry-After"))
}

// asks returns how often versions were asked for.
func (r *registry) asks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// TestNamedVersionsAtOnce: who names all versions that there are, and others, has no
// more than four loaded at a time; the current one is answered meanwhile, and in the
// end everybody gets what was asked for.
func TestNamedVersionsAtOnce(t *testing.T) {
	const versions = 60
	var docs []params.Document
	for v := int64(1); v <= versions; v++ {
		docs = append(docs, scales(t, v, strconv.FormatInt(v, 10)))
	}
	r := newRegistry(t, docs...)
	url := r.follows(t, nil)
	stands(t, url, versions, params.Serving)
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	r.change(func() { r.hold = hold })
	var all sync.WaitGroup
	for i := range 2 * versions {
		all.Go(func() {
			version := 1 + i*7%(versions+10)
			status, _, text := send(t, http.MethodPost, url+"/predict", `{"input":[1,2]}`, serve.VersionHeader, strconv.Itoa(version))
			if version > versions {
				assert.Equal(t, http.StatusNotFound, status, text)
			} else {
				assert.Equal(t, fmt.Sprintf(`{"output":[%d,%d]}`, version, 2*version), text)
			}
		})
	}
	require.Eventually(t, func() bool { return r.asks() == 4 }, time.Minute, time.Millisecond)
	for range 20 {
		require.Equal(t, fmt.Sprintf(`{"output":[%d,%d]}`, versions, 2*versions), post(t, url, `{"input":[1,2]}`))
	}
	require.Equal(t, 4, r.asks())
	release()
	all.Wait()
}

// TestSlowSenderOfANamedVersion: a version is looked for when the request is there, or
// else many slow requests would keep many versions.
func TestSlowSenderOfANamedVersion(t *testing.T) {
	r := newRegistry(t, scales(t, 1, "1"), scales(t, 2, "2"))
	url := r.follows(t, nil)
	stands(t, url, 2, params.Serving)
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(c, "POST /predict HTTP/1.1\r\nHost: x\r\nModelfn-Params-Version: 1\r\nExpect: 100-continue\r\nContent-Length: 15\r\n\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue", "the body is being read")
	require.Zero(t, r.asks())
	_, err = io.WriteString(c, `{"input":[1,2]}`)
	require.NoError(t, err)
	_, err = in.ReadString('\n') // the empty line of the answer before
	require.NoError(t, err)
	resp, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "1", resp.Header.Get(serve.VersionHeader))
	require.Equal(t, 1, r.asks())
}
