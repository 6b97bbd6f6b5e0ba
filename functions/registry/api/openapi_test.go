package api

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/stretchr/testify/require"
)

// described is openapi.yaml. It is read once: its schemas are compiled for use.
var described = sync.OnceValues(func() (validator.Validator, error) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return v, nil
})

var describing sync.Mutex // the validator is for one caller at a time

// requireDescribed asserts that an answer is as openapi.yaml says, and so is the
// request if it was answered well.
func requireDescribed(t testing.TB, req *http.Request, body string, resp *http.Response, text []byte) {
	t.Helper()
	if !strings.HasPrefix(req.URL.Path, "/params") || resp.StatusCode == http.StatusMethodNotAllowed || req.Method == http.MethodHead {
		return
	}
	v, err := described()
	require.NoError(t, err)
	describing.Lock()
	defer describing.Unlock()
	req = req.Clone(t.Context())
	req.URL.Host, req.URL.Scheme = "", ""
	if resp.StatusCode < 400 {
		req.Body = io.NopCloser(strings.NewReader(body))
		_, problems := v.ValidateHttpRequestSync(req)
		require.Empty(t, listOf(problems), "%s %s %s", req.Method, req.URL, body)
	}
	copied := *resp
	copied.Body = io.NopCloser(bytes.NewReader(text))
	_, problems := v.ValidateHttpResponse(req, &copied)
	require.Empty(t, listOf(problems), "%s %s: %d %s", req.Method, req.URL, resp.StatusCode, text)
}

func listOf(problems []*errors.ValidationError) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.Error() + "\n")
		for _, s := range p.SchemaValidationErrors {
			b.WriteString("  " + s.Error() + "\n")
		}
	}
	return b.String()
}

func TestDescriptionIsValid(t *testing.T) {
	v, err := described()
	require.NoError(t, err)
	_, problems := v.ValidateDocument()
	require.Empty(t, listOf(problems))
}

// TestEveryRouteIsDescribed holds the description's operations against the routes,
// both ways.
func TestEveryRouteIsDescribed(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	doc, err := libopenapi.NewDocument(text)
	require.NoError(t, err)
	m, err := doc.BuildV3Model()
	require.NoError(t, err)
	operations := map[string]bool{}
	for path, item := range m.Model.Paths.PathItems.FromOldest() {
		for method := range item.GetOperations().FromOldest() {
			operations[strings.ToUpper(method)+" "+path] = true
		}
	}
	r := newRig(t).known()
	served := map[string]bool{}
	for _, path := range []string{
		"/params", "/params/{model}", "/params/{model}/versions", "/params/{model}/versions/{version}",
		"/params/{model}/schema", "/params/{model}/replicas", "/params/{model}/promote", "/params/{model}/rollback",
	} {
		for _, method := range []string{"GET", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"} {
			at := strings.NewReplacer("{model}", "model-a", "{version}", "1").Replace(path)
			a := r.do(method, at, `{}`)
			if a.status != http.StatusMethodNotAllowed {
				served[method+" "+path] = true
			} else {
				require.NotContains(t, a.header.Get("Allow"), method)
			}
		}
	}
	require.Equal(t, operations, served)
}
