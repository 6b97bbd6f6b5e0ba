package console

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// The gateway's own answers.
type (
	health struct {
		Status string   `json:"status"`
		Away   []string `json:"away,omitzero"` // the models that do not answer, and the registry
	}
	modelList struct {
		Models []string `json:"models"`
	}
	invalidModel struct {
		Message string `json:"message"`
	}
	problem struct {
		Error string `json:"error"`
		ID    string `json:"id"`
	}
)

// answerJSON writes a value as the whole answer.
func answerJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("an answer of the gateway cannot be written: %v", err))
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// An error here means that the client has gone.
	_, _ = w.Write(body)
}

// longestPath is how much of a path is logged, in bytes.
const longestPath = 200

// fail answers a fault of the gateway's own, and logs it under the id that the
// client is told.
func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	id, status, level := telemetry.NewID(), f.Kind.Status(), slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	g.log.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path[:min(len(r.URL.Path), longestPath)],
		"status", status, "id", id, "error", f.Error())
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	answerJSON(w, status, problem{Error: f.Public(), ID: id})
}

// registryName is what the registry is called among the models.
const registryName = "registry"

// showReady answers whether the registry and every model have an instance that is
// ready.
func (g *Gateway) showReady(w http.ResponseWriter) {
	models := g.discovery.Models()
	var away []string
	if r := g.discovery.Registry(); r != nil && len(r.Instances) == 0 {
		away = append(away, registryName)
	}
	for _, name := range sortedNames(models) {
		if len(models[name].Instances) == 0 {
			away = append(away, name)
		}
	}
	if away != nil {
		answerJSON(w, http.StatusServiceUnavailable, health{Status: "not ready", Away: away})
		return
	}
	answerJSON(w, http.StatusOK, health{Status: "ready"})
}

// showIndex tells a person what is here, with a command that works.
func (g *Gateway) showIndex(w http.ResponseWriter, r *http.Request) {
	names := sortedNames(g.discovery.Models())
	var b strings.Builder
	b.WriteString("modelfn gateway\n\nModels:\n")
	for _, name := range names {
		fmt.Fprintf(&b, "  %s\n", name)
	}
	b.WriteString(`
Routes:
  POST /{model}/predict             {"input":…} or {"inputs":[…]}
  POST /{model}/evaluate            {"params":…,"requires":…,"inputs":[…]}
  GET  /v1/models
  GET  /v1/models/{model}
  POST /v1/models/{model}:predict   {"instances":[…]}
`)
	if g.discovery.Registry() != nil {
		b.WriteString(`  GET, PUT         /params
  GET, PUT, PATCH  /params/{model}
  GET              /params/{model}/versions, …/versions/{n}, …/schema, …/replicas
  POST             /params/{model}/promote, …/rollback
`)
	}
	for _, name := range sortedDatasets(g.datasets) {
		fmt.Fprintf(&b, "  GET  /data/%s\n", name)
	}
	b.WriteString("  GET  /health/live, /health/ready\n")
	if len(names) > 0 && g.example != "" {
		b.WriteString("\nTry it:\n  " + Curl("http://"+r.Host, names[0], g.example) + "\n")
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(b.String()))
}

// Curl returns a shell command that asks the gateway at base for a prediction;
// input is JSON.
func Curl(base, model, input string) string {
	return fmt.Sprintf(`curl %s/%s/predict -H 'Content-Type: application/json' -d '{"input":%s}'`, base, model, input)
}
