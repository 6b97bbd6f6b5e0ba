package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gateway answers every input with its own text, or as the model's name says.
func gateway(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /model-a/predict", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Inputs []any `json:"inputs"`
		}
		if !assert.NoError(t, json.UnmarshalRead(r.Body, &body)) {
			return
		}
		w.Header().Set("Modelfn-Params-Version", "7")
		w.Header().Set("Modelfn-Params-Digest", "sha256:"+strings.Repeat("ab", 32))
		w.Header().Set("Modelfn-Components", "component-d=3")
		w.Header().Set("Modelfn-Revision", "model-a-00002")
		_ = json.MarshalWrite(w, map[string]any{"outputs": body.Inputs})
	})
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	mux.HandleFunc("POST /bad-input/predict", answer(400, `{"error":"inputs[0][2]: not a number","id":"0123"}`))
	mux.HandleFunc("POST /unknown/predict", answer(400, `{"message":"Invalid model!"}`))
	mux.HandleFunc("POST /proxy/predict", answer(502, "<html>"))
	mux.HandleFunc("POST /nonsense/predict", answer(200, "<html>"))
	mux.HandleFunc("POST /mute/predict", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or else nobody sees that the client goes away
		<-r.Context().Done()
	})
	mux.HandleFunc("POST /too-few/predict", answer(200, `{"outputs":[]}`))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestPredict(t *testing.T) {
	t.Parallel()
	url := gateway(t)
	file := filepath.Join(t.TempDir(), "inputs.jsonl")
	require.NoError(t, os.WriteFile(file, []byte("[1]\n[2]\n"), 0o600))
	const told = "\nmodel-a, params version 7 (sha256:abababababab), components component-d=3, revision model-a-00002\n"
	tests := map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"one":        {"", []string{"model_a", "[1.50]"}, "INPUT   OUTPUT\n[1.50]  [1.5]\n" + told},
		"many":       {"", []string{"model-a", "[1]", "[2]"}, "INPUT  OUTPUT\n[1]    [1]\n[2]    [2]\n" + told},
		"file":       {"", []string{"model-a", "--file", file}, "INPUT  OUTPUT\n[1]    [1]\n[2]    [2]\n" + told},
		"stdin":      {" [1] [2]", []string{"model-a", "-"}, "INPUT  OUTPUT\n[1]    [1]\n[2]    [2]\n" + told},
		"stdin file": {"[1]", []string{"model-a", "--file", "-"}, "INPUT  OUTPUT\n[1]    [1]\n" + told},
		"json": {"", []string{"model-a", "[1]", "-o", "json"}, `{"model":"model-a","inputs":[[1]],"outputs":[[1]],"version":7,"digest":"sha256:` +
			strings.Repeat("ab", 32) + `","components":{"component-d":3},"revision":"model-a-00002"}` + "\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(t, tt.stdin, append([]string{"predict", "--url", url}, tt.args...)...)
			assert.Zero(t, r.code, r.stderr)
			assert.Equal(t, tt.want, r.stdout)
		})
	}
}

func TestPredictFails(t *testing.T) {
	t.Parallel()
	url := gateway(t)
	const nobody = "http://127.0.0.1:1"
	tests := map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"no JSON":        {"", []string{"model-a", "[1"}, "input 1: "},
		"two values":     {"", []string{"model-a", "[1] [2]"}, "input 1: 2 JSON values instead of one"},
		"second no JSON": {"", []string{"model-a", "[1]", "x"}, "input 2: "},
		"empty stdin":    {"", []string{"model-a", "-"}, "the standard input: no inputs"},
		"no file":        {"", []string{"model-a", "--file", "/nowhere"}, "the inputs: open /nowhere: no such file"},
		"refused":        {"", []string{"bad-input", "[1]"}, "bad-input answers 400: inputs[0][2]: not a number (id 0123)"},
		"unknown model":  {"", []string{"unknown", "[1]"}, "unknown answers 400: Invalid model!"},
		"a proxy":        {"", []string{"proxy", "[1]"}, "proxy answers 502: 502 Bad Gateway"},
		"nonsense":       {"", []string{"nonsense", "[1]"}, "the answer of nonsense: "},
		"too few":        {"", []string{"too-few", "[1]"}, "the answer of too-few: 0 outputs for 1 inputs"},
		"no answer":      {"", []string{"mute", "[1]", "--timeout", "10ms"}, "mute has not answered within 10ms"},
		"nobody there":   {"", []string{"model-a", "[1]", "--url", nobody}, "nothing answers at " + nobody + "; 'modelfn run' starts the models"},
		"no URL":         {"", []string{"model-a", "[1]", "--url", "here"}, `--url "here" is not a URL`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(t, tt.stdin, append([]string{"predict", "--url", url}, tt.args...)...)
			assert.Equal(t, exitFailed, r.code)
			assert.Contains(t, r.stderr, tt.want)
			assert.Empty(t, r.stdout)
		})
	}
}
