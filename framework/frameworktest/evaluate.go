package frameworktest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
)

// evaluation writes the body that asks for inputs to be answered with a set.
func evaluation(t testing.TB, set *params.Set, inputs string) string {
	body := `{"params":` + string(set.Params) + `,"inputs":` + inputs
	if set.Requires != nil {
		requires, err := json.Marshal(set.Requires)
		require.NoError(t, err)
		body += `,"requires":` + string(requires)
	}
	return body + `}`
}

// testEvaluate: params that are nowhere stored answer, and nothing else changes.
func testEvaluate(t *testing.T, s *subject) {
	c := s.start(t, nil).client(t)
	inputs := s.inputs(len(s.Examples))
	sent := s.other // on the components that are here
	sent.Requires = s.doc.Requires
	alone, err := params.New(sent.Model, sent.Requires, sent.Params)
	require.NoError(t, err)

	t.Run("other params", func(t *testing.T) {
		a := c.post("/evaluate", evaluation(t, &sent, inputs))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.NotEqual(t, `{"outputs":[`+strings.Join(s.wanted(), ",")+`]}`, a.body)
		require.Equal(t, "0", a.header.Get(serve.VersionHeader), "they are in no registry")
		require.Equal(t, alone.Digest, a.digest())
		require.Equal(t, s.doc.Digest, c.used().Digest, "what serves is the same as before")
		require.Equal(t, s.Examples[0].Output, c.predict(s.Examples[0].Input))
	})
	t.Run("its own params, without saying what they require", func(t *testing.T) {
		a := c.post("/evaluate", `{"params":`+string(s.doc.Params)+`,"inputs":`+inputs+`}`)
		require.Equal(t, `{"outputs":[`+strings.Join(s.wanted(), ",")+`]}`, a.body)
		require.Equal(t, s.doc.Digest, a.digest())
	})
	t.Run("a thousand inputs", func(t *testing.T) {
		a := c.post("/evaluate", evaluation(t, &sent, s.inputs(1000)))
		require.Equal(t, http.StatusOK, a.status, a.body)
	})
	good := string(s.doc.Params)
	x := s.Examples[0].Input
	for _, test := range []struct{ name, body, err string }{
		{"more than a thousand inputs", `{"params":` + good + `,"inputs":` + s.inputs(1001) + `}`, "inputs: "},
		{"no list of inputs", `{"params":` + good + `,"inputs":1}`, "inputs: "},
		{"no inputs", `{"params":` + good + `}`, "inputs: missing"},
		{"no params", `{"inputs":[` + x + `]}`, "params: missing"},
		{"params that do not fit", `{"params":{"no":"such field"},"inputs":[` + x + `]}`, "params.no: unknown field"},
		{"an input that does not fit", `{"params":` + good + `,"inputs":[` + x + `,{"no":"input"}]}`, "inputs[1]"},
		{"a component that is not here", `{"params":` + good + `,"requires":{"not-here":{"version":1,"digest":"` + s.doc.Digest + `"}},"inputs":[` + x + `]}`, "requires.not-here: "},
		{"another field", `{"params":` + good + `,"inputs":[],"more":1}`, "more: unknown field"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := c.post("/evaluate", test.body).refused(t, http.StatusBadRequest)
			require.Contains(t, f.Error, test.err)
		})
	}
}

// testTokens: only a listener that nobody else reaches evaluates for everybody.
func testTokens(t *testing.T, s *subject) {
	sum := sha256.Sum256([]byte("open sesame"))
	path, lines := filepath.Join(t.TempDir(), "tokens"), "alice sha256:"+hex.EncodeToString(sum[:])+"\n"
	require.NoError(t, os.WriteFile(path, []byte(lines), 0o600))
	body := `{"params":` + string(s.doc.Params) + `,"inputs":[]}`
	for _, test := range []struct {
		name    string
		tokens  string
		trusted bool
		bearer  string
		status  int
	}{
		{"trusted", "", true, "", 200},
		{"not trusted", "", false, "", 401},
		{"not trusted, with some token", "", false, "Bearer open sesame", 401},
		{"no token", path, false, "", 401},
		{"no token, trusted", path, true, "", 401},
		{"a wrong token", path, false, "Bearer guess", 401},
		{"another scheme", path, false, "Basic open sesame", 401},
		{"the token", path, false, "Bearer open sesame", 200},
		{"not a file, no token", lines, true, "", 401},
		{"not a file, the token", lines, false, "Bearer open sesame", 200},
		{"the token, trusted", path, true, "bearer open sesame", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.start(t, func(cfg *Config) {
				cfg.Settings.TokensPath, cfg.Trusted = test.tokens, test.trusted
				if test.tokens == lines {
					cfg.Settings.TokensPath, cfg.Settings.Tokens = "", lines
				}
			}).client(t)
			var headers []string
			if test.bearer != "" {
				headers = []string{"Authorization", test.bearer}
			}
			a := c.post("/evaluate", body, headers...)
			if test.status == http.StatusOK {
				require.Equal(t, http.StatusOK, a.status, a.body)
				return
			}
			a.refused(t, test.status)
			require.Contains(t, a.header.Get("Www-Authenticate"), "Bearer")
			require.Equal(t, http.StatusOK, c.post("/predict", `{"inputs":[]}`, headers...).status, "a prediction needs none")
		})
	}
}

// testForeignPage: where evaluating is free, a page of another site gets nothing, also
// if that site's name was made to point here.
func testForeignPage(t *testing.T, s *subject) {
	c := s.start(t, func(cfg *Config) { cfg.Trusted = true }).client(t)
	body := `{"params":` + string(s.doc.Params) + `,"inputs":[]}`
	for _, headers := range [][]string{
		{"Host", "evil.example"}, {"Host", "evil.localhost"}, {"Host", "127.0.0.1.evil.example"}, {"Host", "0.0.0.0"}, {"Host", "localhost."},
		{"Origin", "http://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Host", "evil.example", "Origin", "http://evil.example", "Sec-Fetch-Site", "same-origin", "X-Forwarded-Host", "localhost"},
	} {
		c.post("/evaluate", body, headers...).refused(t, http.StatusForbidden)
	}
	for _, headers := range [][]string{nil, {"Host", "localhost"}, {"Host", "LOCALHOST:80"}, {"Host", "[::1]:80"}, {"Sec-Fetch-Site", "same-origin"}} {
		a := c.post("/evaluate", body, headers...)
		require.Equal(t, http.StatusOK, a.status, a.body)
	}
	require.Equal(t, http.StatusOK, c.post("/predict", `{"inputs":[]}`, "Host", "model-a.team.example").status, "anybody may predict")
}
