package letters

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLettersAreWrittenDown(t *testing.T) {
	address, end := start(t)
	status, body := post(t, "http://"+address+"/", http.Header{
		"Ce-Specversion": {"1.0"}, "Ce-Id": {"model-a/7"}, "Ce-Type": {"dev.modelfn.params.changed.v1"},
		"Ce-Source": {"/modelfn/modelfn/params"}, "Ce-Subject": {"model-a"}, "Ce-Sequence": {"00000000000000000007"},
		"Ce-Knativeerrordest": {"http://model-a.modelfn.svc.cluster.local/events"}, "Ce-Knativeerrorcode": {"503"},
	})
	require.Equal(t, http.StatusAccepted, status)
	require.Empty(t, body, "a Broker takes a body for a reply")
	log := end()
	for _, want := range []string{
		`"msg":"an event could not be delivered"`, `"id":"model-a/7"`, `"subject":"model-a"`, `"status":"503"`,
		`"destination":"http://model-a.modelfn.svc.cluster.local/events"`,
	} {
		require.Contains(t, log, want)
	}
}

func TestWhatIsNoEventIsRefusedForGood(t *testing.T) {
	address, _ := start(t)
	status, _ := post(t, "http://"+address+"/", http.Header{"Content-Type": {"text/plain"}})
	require.Equal(t, http.StatusUnsupportedMediaType, status)
	status, body := post(t, "http://"+address+"/", http.Header{"Ce-Specversion": {"1.0"}})
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, body, "id: missing")
}

func TestReady(t *testing.T) {
	address, _ := start(t)
	resp, err := http.Get("http://" + address + "/health/ready")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestBadSettings(t *testing.T) {
	getenv := func(name string) string { return map[string]string{"PORT": "http"}[name] }
	require.ErrorContains(t, run(t.Context(), getenv, io.Discard, nil), "PORT")
}

// start runs the program. end ends it, and returns its log.
func start(t *testing.T) (address string, end func() (log string)) {
	t.Helper()
	environment := map[string]string{"HOST": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0", "K_REVISION": "r"}
	ctx, cancel := context.WithCancel(context.Background())
	var stderr bytes.Buffer
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, func(name string) string { return environment[name] }, &stderr, func(address string) { listening <- address })
	}()
	end = func() string {
		cancel()
		if err, open := <-ended; open {
			require.NoError(t, err)
			close(ended)
		}
		return stderr.String()
	}
	t.Cleanup(func() { end() })
	return <-listening, end
}

func post(t *testing.T, url string, header http.Header) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{}`))
	require.NoError(t, err)
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data)
}
