package clustertest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/knative/cluster"
)

// depth is how many parts the path of a list of objects has, without the group.
const depth = 5 // api, v1, namespaces, models, pods

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(strings.Replace(r.URL.Path, "/apis/", "/", 1), "/"), "/")
	a.mu.Lock()
	away, refused := a.away, a.refused[parts[depth-1]]
	a.mu.Unlock()
	switch {
	case away:
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the API is away")
	case refused != 0:
		fail(w, refused, map[int]string{403: "Forbidden"}[refused], "no "+parts[depth-1]+" for you")
	case len(parts) > depth+1:
		a.below(w, r, parts)
	case r.Method == http.MethodPatch:
		a.patch(w, r)
	case r.Method == http.MethodDelete:
		a.drop(w, r)
	case len(parts) == depth && r.FormValue("watch") != "":
		a.watch(w, r)
	case len(parts) == depth:
		a.list(w, r)
	default:
		a.get(w, r)
	}
}

// below answers for what lies below a pod: its log, and what it answers itself.
func (a *API) below(w http.ResponseWriter, r *http.Request, parts []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name, rest := parts[depth], "/"+strings.Join(parts[depth+2:], "/")
	if parts[depth+1] == "log" {
		second := int64(0)
		for line := range strings.Lines(a.logs[name]) {
			if second++; r.FormValue("timestamps") == "true" {
				line = time.Unix(second, 0).UTC().Format(time.RFC3339Nano) + " " + line
			}
			_, _ = io.WriteString(w, line)
		}
		return
	}
	said, ok := a.answers[name+rest]
	if !ok {
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailable", "no such pod answers")
		return
	}
	w.WriteHeader(said.status)
	_, _ = io.WriteString(w, said.body)
}

func (a *API) get(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o, ok := a.objects[r.URL.Path]
	if !ok {
		fail(w, http.StatusNotFound, "NotFound", path.Base(r.URL.Path)+" not found")
		return
	}
	write(w, http.StatusOK, o)
}

func (a *API) list(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	version := strings.Split(strings.TrimPrefix(r.URL.Path, "/apis/"), "/namespaces/")[0]
	kind := map[string]string{"services": "ServiceList", "revisions": "RevisionList", "pods": "PodList"}[path.Base(r.URL.Path)]
	write(w, http.StatusOK, map[string]any{
		"apiVersion": strings.TrimPrefix(version, "/api/"), "kind": kind,
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version)}, "items": a.sorted(r),
	})
}

// watch tells of changes until the client goes, or the API is away.
func (a *API) watch(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.Atoi(r.FormValue("resourceVersion")) // 0 is all
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flusher, _ := w.(http.Flusher)
	flusher.Flush()
	for {
		a.mu.Lock()
		var told []change
		for _, c := range a.changes {
			if c.version > since && path.Dir(c.path) == r.URL.Path && selected(r, c.Object) {
				told = append(told, c)
			}
		}
		since = a.version
		news, away := a.news, a.away
		a.mu.Unlock()
		if away {
			panic(http.ErrAbortHandler)
		}
		for _, c := range told {
			if err := json.MarshalWrite(w, c); err != nil {
				return
			}
		}
		flusher.Flush()
		select {
		case <-news:
		case <-r.Context().Done():
			return
		}
	}
}

// patch merges, for an apply too: it keeps no account of who owns what.
func (a *API) patch(w http.ResponseWriter, r *http.Request) {
	var change cluster.Object
	if err := json.UnmarshalRead(r.Body, &change); err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	a.mu.Lock()
	o, status := a.merge(r, change)
	react := a.react
	a.mu.Unlock()
	if status >= 400 {
		fail(w, status, map[int]string{404: "NotFound", 409: "Conflict"}[status], fmt.Sprintf("%s cannot be patched", path.Base(r.URL.Path)))
		return
	}
	if react != nil && r.FormValue("dryRun") == "" {
		react(r.Method, copyOf(o))
	}
	write(w, status, o)
}

func (a *API) merge(r *http.Request, change cluster.Object) (cluster.Object, int) {
	former, found := a.objects[r.URL.Path]
	applies := r.Header.Get("Content-Type") == "application/apply-patch+yaml"
	if !found && !applies {
		return nil, http.StatusNotFound
	}
	if v := change.Field("metadata", "resourceVersion"); v != "" && v != former.Field("metadata", "resourceVersion") {
		return nil, http.StatusConflict
	}
	next := cluster.Object(merged(copyOf(former), change))
	status := http.StatusOK
	if !found {
		status = http.StatusCreated
	}
	if r.FormValue("dryRun") != "" {
		return next, status
	}
	a.put(r.URL.Path, next, true)
	return copyOf(next), status
}

// merged is RFC 7396.
func merged(o, change map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, o)
	for name, value := range change {
		below, ok := value.(map[string]any)
		switch {
		case ok:
			former, _ := out[name].(map[string]any)
			out[name] = merged(former, below)
		case value == nil:
			delete(out, name)
		default:
			out[name] = value
		}
	}
	return out
}

// drop deletes an object; with finalizers it stays, as it is.
func (a *API) drop(w http.ResponseWriter, r *http.Request) {
	var options struct {
		Preconditions map[string]string `json:"preconditions"`
	}
	if err := json.UnmarshalRead(r.Body, &options); err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	a.mu.Lock()
	o, ok := a.objects[r.URL.Path]
	same := true
	for name, value := range options.Preconditions {
		same = same && o.Field("metadata", name) == value
	}
	if ok && same && o["metadata"].(map[string]any)["finalizers"] == nil { // else somebody holds it up
		a.remove(r.URL.Path)
	}
	react := a.react
	a.mu.Unlock()
	switch {
	case !ok:
		fail(w, http.StatusNotFound, "NotFound", path.Base(r.URL.Path)+" not found")
		return
	case !same:
		fail(w, http.StatusConflict, "Conflict", path.Base(r.URL.Path)+" is not as it was read")
		return
	}
	if react != nil {
		react(r.Method, o)
	}
	write(w, http.StatusOK, o)
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, v) // an error means that the client has gone
}

func fail(w http.ResponseWriter, status int, reason, message string) {
	write(w, status, map[string]any{
		"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status, "reason": reason, "message": message,
	})
}
