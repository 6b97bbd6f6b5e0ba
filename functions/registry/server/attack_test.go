package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A registry without tokens listens on loopback, and has to hold against pages of
// other sites in a browser of this machine. One with tokens has to hold against
// everybody who reaches it.

// TestRebinding: a name of somebody else's that is made to point here gets nothing,
// whatever it says beside.
func TestRebinding(t *testing.T) {
	p := start(t, t.TempDir()).known()
	_, port, _ := strings.Cut(strings.TrimPrefix(p.url, "http://"), ":")
	for _, host := range []string{
		"evil.example", "evil.example:" + port, "127.0.0.1.evil.example:" + port, "localhost.evil.example:" + port, "evil.localhost:" + port,
		"localhost", "127.0.0.1", "127.0.0.1:1", "127.1:" + port, "0.0.0.0:" + port, "2130706433:" + port, "localhost.:" + port, "user@localhost:" + port,
	} {
		for _, c := range [][3]string{{"GET", "/params/model-a", ""}, {"GET", "/params", ""}, {"PUT", "/params/model-a", `{"params":1}`}, {"GET", "/health/ready", ""}} {
			r := p.do(c[0], c[1], c[2], "Host", host, "X-Forwarded-Host", "localhost:"+port, "X-Forwarded-For", "127.0.0.1", "Origin", "http://"+host)
			require.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest}, r.status, "%s %s", host, c[0])
			require.NotContains(t, r.body, "params")
		}
	}
	for _, host := range []string{"127.0.0.1:" + port, "localhost:" + port, "LOCALHOST:" + port, "[::1]:" + port} {
		require.Equal(t, http.StatusOK, p.do("GET", "/params/model-a", "", "Host", host).status, host)
	}
	// Without a Host, as HTTP/1.0 allows.
	require.Contains(t, raw(t, p, "GET /params/model-a HTTP/1.0\r\n\r\n"), "403 Forbidden")
	// The name in the request's line is the one that counts.
	require.Contains(t, raw(t, p, "GET http://evil.example/params HTTP/1.1\r\nHost: localhost:"+port+"\r\nConnection: close\r\n\r\n"), "403 Forbidden")
	require.Len(t, p.history("model-a"), 1)
}

// raw sends bytes and returns what comes back.
func raw(t testing.TB, p *process, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	text, err := io.ReadAll(bufio.NewReader(conn))
	require.NoError(t, err)
	return string(text)
}

// TestCrossOrigin: a page of another origin cannot write, by form or by script, and
// is not allowed to read what it is answered.
func TestCrossOrigin(t *testing.T) {
	p := start(t, t.TempDir()).known()
	host := strings.TrimPrefix(p.url, "http://")
	writes := [][3]string{
		{"PUT", "/params/model-a", `{"params":1}`}, {"PATCH", "/params/model-a", `{"params":1}`}, {"PUT", "/params", `{"model-a":{"params":1}}`},
		{"POST", "/params/model-a/rollback", `{"version":1}`}, {"POST", "/params/model-a/promote", `{"version":1}`},
	}
	for _, headers := range [][]string{
		{"Origin", "http://evil.example"}, {"Origin", "https://" + host + ".evil.example"}, {"Origin", "null"}, {"Origin", "file://"},
		{"Origin", "http://localhost:1"}, {"Origin", "http://localhost"}, {"Origin", "nonsense"},
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "nonsense"},
		{"Sec-Fetch-Site", "cross-site", "Origin", "http://" + host},
	} {
		for _, w := range writes {
			r := p.do(w[0], w[1], w[2], headers...)
			require.Equal(t, http.StatusForbidden, r.status, "%s %s", headers, w)
			require.Empty(t, r.header.Get("Access-Control-Allow-Origin"))
		}
		r := p.do("GET", "/params/model-a", "", headers...)
		require.Empty(t, r.header.Get("Access-Control-Allow-Origin"), "the browser keeps it from the page")
		ask := p.do("OPTIONS", "/params/model-a", "", append([]string{"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "content-type"}, headers...)...)
		require.GreaterOrEqual(t, ask.status, 400)
		for name := range ask.header {
			require.False(t, strings.HasPrefix(name, "Access-Control"), name)
		}
	}
	// What a form, or a script without asking, can send is not taken in any case: here
	// from a browser that says nothing of where the page is from.
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain; charset=application/json"} {
		for _, w := range writes {
			require.Equal(t, http.StatusUnsupportedMediaType, p.do(w[0], w[1], w[2], "Content-Type", kind).status, "%q %s", kind, w)
		}
	}
	for _, override := range []string{"X-Http-Method-Override", "X-Method-Override", "X-Http-Method"} {
		require.Equal(t, http.StatusMethodNotAllowed, p.do("POST", "/params/model-a?_method=PUT", `{"params":1}`, override, "PUT").status)
	}
	require.Len(t, p.history("model-a"), 1)
	// The page that the same origin serves, and programs, may write.
	for _, headers := range [][]string{{"Origin", "http://" + host, "Sec-Fetch-Site", "same-origin"}, {"Origin", "http://" + host}, {"Sec-Fetch-Site", "none"}, nil} {
		require.Equal(t, http.StatusCreated, p.do("PUT", "/params/model-a", `{"params":1}`, headers...).status, "%s", headers)
	}
}

// TestTokens: who has no token of the file's does not write, wherever it says that it
// comes from; and the file is read again when it changes.
func TestTokens(t *testing.T) {
	path := tokens(t, "", "alice", "first", "bob", "second")
	p := start(t, t.TempDir(), "TOKENS_PATH="+path).known("Authorization", "Bearer first")
	require.Equal(t, "alice", p.history("model-a")[0].Author)
	put := func(headers ...string) reply { return p.do("PUT", "/params/model-a", `{"params":1}`, headers...) }
	for _, headers := range [][]string{
		nil,
		{"Authorization", ""}, {"Authorization", "Bearer"}, {"Authorization", "Bearer "}, {"Authorization", "first"}, {"Authorization", "Basic Zmlyc3Q6"},
		{"Authorization", "Bearer wrong"}, {"Authorization", "Bearer firs"}, {"Authorization", "Bearer firstt"}, {"Authorization", "Bearer FIRST"}, {"Authorization", "Bearer first second"},
		{"Authorization", "Bearer alice"}, {"Authorization", "Bearer a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"}, // of first
		{"Cookie", "token=first"}, {"X-Api-Key", "first"}, {"Proxy-Authorization", "Bearer first"},
		{"X-Forwarded-For", "127.0.0.1", "X-Real-Ip", "127.0.0.1", "Forwarded", "for=127.0.0.1", "X-Forwarded-Host", "localhost", "Host", "localhost"},
	} {
		r := put(headers...)
		require.Equal(t, http.StatusUnauthorized, r.status, "%s", headers)
		require.Equal(t, `Bearer realm="modelfn"`, r.header.Get("Www-Authenticate"))
	}
	require.Equal(t, http.StatusUnauthorized, p.do("PUT", "/params/model-a?access_token=first", `{"params":1}`).status)
	require.Equal(t, http.StatusOK, p.do("GET", "/params/model-a", "", "Host", "registry.team.svc.cluster.local").status, "reading is for everybody")

	tokens(t, path, "alice", "third")
	require.Eventually(t, func() bool { return put("Authorization", "Bearer third").status == http.StatusCreated }, time.Minute, time.Millisecond)
	for _, old := range []string{"first", "second"} {
		require.Equal(t, http.StatusUnauthorized, put("Authorization", "Bearer "+old).status)
	}
	require.NotContains(t, p.log.String(), "first")
	require.NotContains(t, p.log.String(), "third")
}
