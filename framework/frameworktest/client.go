package frameworktest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/serve"
)

// client calls a function. A call that gets no answer ends the test.
type client struct {
	t   testing.TB
	url string
}

func (s *Server) client(t testing.TB) *client { return &client{t, s.URL} }

// calls keeps enough connections for all clients of a test.
var calls = &http.Client{
	Timeout:       time.Minute,
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answer is an answer, read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// digest names the params that the answer is of.
func (a answer) digest() string { return a.header.Get(serve.DigestHeader) }

// failure is the body of an error.
type failure struct {
	Error string `json:"error"`
	ID    string `json:"id"`
}

// try makes a call. headers are names and values in turn.
func try(ctx context.Context, method, url string, body io.Reader, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	if body != nil && r.Header["Content-Type"] == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := calls.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("reading the answer: %w", err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}, nil
}

func (c *client) do(method, path string, body io.Reader, headers ...string) answer {
	c.t.Helper()
	a, err := try(context.Background(), method, c.url+path, body, headers...)
	require.NoError(c.t, err)
	return a
}

func (c *client) get(path string) answer {
	c.t.Helper()
	return c.do(http.MethodGet, path, nil)
}

func (c *client) post(path, body string, headers ...string) answer {
	c.t.Helper()
	return c.do(http.MethodPost, path, strings.NewReader(body), headers...)
}

// predict returns the output of an input.
func (c *client) predict(input string) string {
	c.t.Helper()
	a := c.post("/predict", `{"input":`+input+`}`)
	require.Equal(c.t, http.StatusOK, a.status, a.body)
	output, err := a.output()
	require.NoError(c.t, err)
	return output
}

// is checks that an answer is a success with exactly that body.
func (a answer) is(t testing.TB, body string) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, body, a.body)
}

// output returns what stands in {"output":…}.
func (a answer) output() (string, error) {
	text, found := strings.CutPrefix(a.body, `{"output":`)
	text, closed := strings.CutSuffix(text, "}")
	if !found || !closed {
		return "", fmt.Errorf("%d %s is not an output", a.status, a.body)
	}
	return text, nil
}

// refused checks that an answer is an error of exactly the promised form, and
// returns it.
func (a answer) refused(t testing.TB, status int) failure {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	var f failure
	require.NoError(t, json.Unmarshal([]byte(a.body), &f, json.RejectUnknownMembers(true)), a.body)
	require.NotEmpty(t, f.Error)
	require.Regexp(t, `^[0-9a-f]{16}$`, f.ID)
	return f
}
