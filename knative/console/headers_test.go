package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a model answers is no page of the gateway's origin, and about nothing else there;
// what the registry answers is its own.
func TestAnswersAreConfined(t *testing.T) {
	t.Parallel()
	beyond := http.Header{
		"Accept-Ch": {"Sec-CH-UA"}, "Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Credentials": {"true"},
		"Alt-Svc": {`h3="elsewhere.example:443"`}, "Clear-Site-Data": {`"*"`}, "Link": {"<https://elsewhere.example>; rel=preload"},
		"Location": {"/model-b/predict"}, "Nel": {"{}"}, "Refresh": {"0; url=https://elsewhere.example"}, "Report-To": {"{}"},
		"Reporting-Endpoints": {`a="https://elsewhere.example"`}, "Service-Worker-Allowed": {"/"}, "Set-Cookie": {"a=b", "c=d"},
		"Strict-Transport-Security": {"max-age=1"}, "Www-Authenticate": {`Basic realm="modelfn"`},
	}
	page := model(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range beyond {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src *")
		w.Header().Set("Modelfn-Params-Version", "7")
		w.WriteHeader(http.StatusTemporaryRedirect)
		_, _ = io.WriteString(w, "<script>alert(1)</script>")
	})
	server, l := gateway(t, map[string][]string{"model-a": {page}}, nil)
	l.atRegistry(t, page)
	for _, at := range []string{"POST /model-a/predict", "POST /model-a/evaluate", "POST /v1/models/model-a:predict", "GET /v1/models/model-a", "GET /params/model-a"} {
		method, path, _ := strings.Cut(at, " ")
		r, err := http.NewRequest(method, server.URL+path, http.NoBody)
		require.NoError(t, err)
		resp, err := http.DefaultTransport.RoundTrip(r) // follows nothing
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, http.StatusTemporaryRedirect, resp.StatusCode, at)
		assert.Equal(t, []string{"sandbox; default-src 'none'"}, resp.Header["Content-Security-Policy"], at)
		assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"), at)
		assert.Equal(t, "text/html", resp.Header.Get("Content-Type"), at)
		assert.Equal(t, "7", resp.Header.Get("Modelfn-Params-Version"), at)
		for name, values := range beyond {
			if path == "/params/model-a" {
				assert.Equal(t, values, resp.Header[name], at)
			} else {
				assert.NotContains(t, resp.Header, name, at)
			}
		}
	}
}

// Hints come before the answer, and would be a model's word for the origin.
func TestHintsAreNotPassedOn(t *testing.T) {
	t.Parallel()
	server, _ := gateway(t, map[string][]string{"model-a": {model(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "<https://elsewhere.example>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		echo(w, r)
	})}}, nil)
	r := httptest.NewRequest(http.MethodPost, server.URL+"/model-a/predict", strings.NewReader("{}"))
	r = r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		assert.Fail(t, "a hint", "%d", code)
		return nil
	}}))
	resp, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "POST /predict {}", string(body))
}

// A token goes to who may ask for it; a cookie to nobody.
func TestCredentials(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	look := model(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Clone() })
	server, l := gateway(t, map[string][]string{"model-a": {look}}, nil)
	l.atRegistry(t, look)
	for at, token := range map[string]string{
		"POST /model-a/predict": "", "POST /v1/models/model-a:predict": "", "GET /v1/models/model-a": "",
		"POST /model-a/evaluate": "Bearer s", "GET /params": "Bearer s", "PUT /params/model-a": "Bearer s",
	} {
		method, path, _ := strings.Cut(at, " ")
		do(t, method, server.URL+path, "", "Authorization", "Bearer s", "Cookie", "session=1")
		got := <-seen
		assert.Equal(t, token, got.Get("Authorization"), at)
		assert.NotContains(t, got, "Cookie", at)
	}
}
