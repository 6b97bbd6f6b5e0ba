// Package clustertest is the API of a cluster with nothing behind it, for tests: a
// real server that keeps objects, and tells of their changes, as Kubernetes does.
// What Knative would make of an object, the test says with [API.React].
package clustertest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/modelfn/modelfn/knative/cluster"
)

// Namespace is the one of the clusters that [API.Cluster] returns.
const Namespace = "models"

// API is the server. Make one with [New].
type API struct {
	t      testing.TB
	server *httptest.Server

	mu      sync.Mutex // guards what follows
	objects map[string]cluster.Object
	changes []change
	version int
	news    chan struct{} // closed at each change
	away    bool
	react   func(method string, o cluster.Object)
	logs    map[string]string
	answers map[string]answer
	refused map[string]int // statuses by resource
}

// change is one event of a watch.
type change struct {
	version int
	path    string
	Type    string         `json:"type"`
	Object  cluster.Object `json:"object"`
}

type answer struct {
	status int
	body   string
}

// New returns an API without objects; it ends with the test.
func New(t testing.TB) *API {
	a := &API{t: t, objects: map[string]cluster.Object{}, news: make(chan struct{}), logs: map[string]string{}, answers: map[string]answer{}, refused: map[string]int{}}
	a.server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(func() {
		a.Away(true) // ends the watches
		a.server.Close()
	})
	return a
}

// Kubeconfig returns the path of a file that leads to the API.
func (a *API) Kubeconfig() string {
	file := filepath.Join(a.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"test",
		"clusters":[{"name":"test","cluster":{"server":%q}}],
		"contexts":[{"name":"test","context":{"cluster":"test","namespace":%q}}]}`, a.server.URL, Namespace)
	require.NoError(a.t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// Cluster returns a connection to the API.
func (a *API) Cluster() *cluster.Cluster {
	c, err := cluster.Connect(cluster.Config{Kubeconfig: a.Kubeconfig()})
	require.NoError(a.t, err)
	return c
}

// React has f called after each write of a client, with PATCH or DELETE and a copy of
// the object; f may write itself.
func (a *API) React(f func(method string, o cluster.Object)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.react = f
}

// Away lets no request through, and ends those that there are, until it is taken
// back.
func (a *API) Away(away bool) {
	a.mu.Lock()
	a.away = away
	a.tell()
	a.mu.Unlock()
	a.server.CloseClientConnections()
}

// Refuse answers every request for a resource, such as pods, with a status of failure.
func (a *API) Refuse(resource string, status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused[resource] = status
}

// Log sets the log of a pod, the first line of it written at second 1, the next at 2, and
// so on. Who follows it gets what there is, and asks again.
func (a *API) Log(pod, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.logs[pod] = text
}

// Answer sets what a pod answers at a port and path.
func (a *API) Answer(pod string, port int, path string, status int, body string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[fmt.Sprintf("%s:%d%s", pod, port, path)] = answer{status, body}
}

// Put makes an object so, as a controller would: with its status. It is anything
// that is an object in JSON.
func (a *API) Put(object any) {
	text, err := json.Marshal(object)
	require.NoError(a.t, err)
	var o cluster.Object
	require.NoError(a.t, json.Unmarshal(text, &o))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.put(pathOf(o), o, false)
}

// Get returns an object of a kind, such as Service; nil if it is not there.
func (a *API) Get(kind, name string) cluster.Object {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.objects {
		if o.Kind() == kind && o.Name() == name {
			return copyOf(o)
		}
	}
	return nil
}

// Delete takes an object away.
func (a *API) Delete(kind, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p, o := range a.objects {
		if o.Kind() == kind && o.Name() == name {
			a.remove(p)
		}
	}
}

// pathOf is where an object lies.
func pathOf(o cluster.Object) string {
	root := "/apis/" + o.Field("apiVersion")
	if !strings.Contains(o.Field("apiVersion"), "/") {
		root = "/api/" + o.Field("apiVersion")
	}
	return path.Join(root, "namespaces", cmp.Or(o.Field("metadata", "namespace"), Namespace), strings.ToLower(o.Kind())+"s", o.Name())
}

func copyOf(o cluster.Object) cluster.Object {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // it was JSON
	}
	var c cluster.Object
	if err := json.Unmarshal(text, &c); err != nil {
		panic(err)
	}
	return c
}

// put stores an object under a new version, and, if a client changed what it is to
// be, a new generation; the caller holds the lock.
func (a *API) put(at string, o cluster.Object, byClient bool) {
	former := a.objects[at]
	a.version++
	about, _ := o["metadata"].(map[string]any)
	about["resourceVersion"] = fmt.Sprint(a.version)
	kind := "MODIFIED"
	if former == nil {
		kind = "ADDED"
		about["generation"] = cmp.Or(about["generation"], any(1.0))
		about["uid"] = cmp.Or(about["uid"], any("uid-"+fmt.Sprint(a.version)))
		about["creationTimestamp"] = cmp.Or(about["creationTimestamp"], any(time.Unix(int64(a.version), 0).UTC().Format(time.RFC3339)))
	} else {
		old, _ := former["metadata"].(map[string]any)
		about["uid"], about["creationTimestamp"] = old["uid"], old["creationTimestamp"]
		generation, _ := old["generation"].(float64)
		if byClient && !reflect.DeepEqual(former["spec"], o["spec"]) {
			generation++
		}
		about["generation"] = generation
	}
	a.objects[at] = o
	a.changes = append(a.changes, change{a.version, at, kind, copyOf(o)})
	a.tell()
}

func (a *API) remove(at string) {
	o := a.objects[at]
	delete(a.objects, at)
	a.version++
	a.changes = append(a.changes, change{a.version, at, "DELETED", copyOf(o)})
	a.tell()
}

// tell wakes the watches; the caller holds the lock.
func (a *API) tell() {
	close(a.news)
	a.news = make(chan struct{})
}

// selected reports whether a request's selectors take an object.
func selected(r *http.Request, o cluster.Object) bool {
	selector, err := labels.Parse(r.FormValue("labelSelector"))
	if err != nil {
		return false
	}
	set := labels.Set{}
	about, _ := o["metadata"].(map[string]any)
	all, _ := about["labels"].(map[string]any)
	for name, value := range all {
		set[name], _ = value.(string)
	}
	name, byName := strings.CutPrefix(r.FormValue("fieldSelector"), "metadata.name=")
	return selector.Matches(set) && (!byName || name == o.Name())
}

// sorted returns the objects below a path that a request selects.
func (a *API) sorted(r *http.Request) []cluster.Object {
	list := []cluster.Object{}
	for _, p := range slices.Sorted(maps.Keys(a.objects)) {
		if path.Dir(p) == r.URL.Path && selected(r, a.objects[p]) {
			list = append(list, copyOf(a.objects[p]))
		}
	}
	return list
}
