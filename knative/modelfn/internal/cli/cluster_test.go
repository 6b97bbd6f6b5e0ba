package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelfn/modelfn/knative/cluster"
	"github.com/modelfn/modelfn/knative/cluster/clustertest"
)

type tree = map[string]any

// tool calls the tool without an input.
func tool(t *testing.T, args ...string) (code int, stdout, stderr string) {
	r := call(t, "", args...)
	return r.code, r.stdout, r.stderr
}

// shared is a buffer that a test reads while it is written.
type shared struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// withModel returns an API with one model, whose second revision is not ready.
func withModel(t *testing.T) (*clustertest.API, []string) {
	api := clustertest.New(t)
	labels := tree{cluster.ModelLabel: "model-a", cluster.ServiceLabel: "model-a"}
	api.Put(tree{
		"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": tree{"name": "model-a", "namespace": clustertest.Namespace, "labels": labels},
		"spec": tree{"traffic": []any{tree{"revisionName": "model-a-00001", "percent": 100}}},
		"status": tree{
			"observedGeneration": 1, "latestReadyRevisionName": "model-a-00001",
			"conditions": []any{tree{"type": "RoutesReady", "status": "True"}},
		},
	})
	for n, ready := range []string{"True", "Unknown", "True"} {
		api.Put(tree{
			"apiVersion": "serving.knative.dev/v1", "kind": "Revision",
			"metadata": tree{"name": fmt.Sprintf("model-a-%05d", n+1), "labels": labels},
			"spec":     tree{"containers": []any{tree{"image": "registry.local/model-a"}}},
			"status":   tree{"observedGeneration": 1, "conditions": []any{tree{"type": "Ready", "status": ready}}},
		})
	}
	api.Put(podOf("x-y", "containerd://1", tree{"running": tree{}}))
	api.Answer("model-a-00001-deployment-x-y", 8080, "/params", 200, `{"model":"model-a","version":7}`)
	api.Log("model-a-00001-deployment-x-y", "one\ntwo\n")
	return api, []string{"--kubeconfig", api.Kubeconfig(), "--namespace", clustertest.Namespace}
}

// podOf is a pod of the first revision, with its program in this state.
func podOf(name, run string, state tree) tree {
	return tree{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": tree{"name": "model-a-00001-deployment-" + name, "labels": tree{cluster.ServiceLabel: "model-a", cluster.RevisionLabel: "model-a-00001"}},
		"spec":     tree{"containers": []any{tree{"name": "queue-proxy"}, tree{"name": "user-container"}}},
		"status":   tree{"phase": "Running", "containerStatuses": []any{tree{"name": "user-container", "containerID": run, "state": state}}},
	}
}

func TestStatus(t *testing.T) {
	api, at := withModel(t)
	code, out, stderr := tool(t, append([]string{"status"}, at...)...)
	require.Zero(t, code, stderr)
	fields := strings.Fields(strings.Split(out, "\n")[1])
	assert.Equal(t, []string{"model-a", "ready", "model-a-00003", "yes", "0", "%"}, fields[:6])
	assert.Contains(t, out, "100 %    -     7        1")
	assert.Contains(t, out, "\nmodel-a-00002: Knative has not begun with it\n")

	code, out, _ = tool(t, append([]string{"status", "model_a", "-o", "json"}, at...)...)
	require.Zero(t, code)
	var list []modelStatus
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Len(t, list, 1)
	assert.Equal(t, "http://model-a.models.svc.cluster.local", list[0].URL)
	assert.EqualValues(t, 7, list[0].Revisions[2].Serves)

	revision := api.Get("Revision", "model-a-00002")
	revision["spec"] = tree{"containers": []any{tree{"image": "i", "readinessProbe": tree{"httpGet": tree{"path": "/health/ready", "port": 8080}}}}}
	api.Put(revision)
	pod := podOf("z-z", "", nil)
	pod["metadata"].(tree)["labels"] = tree{cluster.ServiceLabel: "model-a", cluster.RevisionLabel: "model-a-00002"}
	pod["status"] = tree{"phase": "Running", "containerStatuses": []any{tree{"name": "queue-proxy", "state": tree{"running": tree{}}}}}
	api.Put(pod)
	api.Answer("model-a-00001-deployment-z-z", 8080, "/health/ready", 503, `{"error":"there is no version 9"}`)
	_, out, _ = tool(t, append([]string{"status"}, at...)...)
	assert.Contains(t, out, `model-a-00002: the program runs, and is not ready: GET /health/ready answers 503: {"error":"there is no version 9"}`)

	code, _, stderr = tool(t, append([]string{"status", "model-x"}, at...)...)
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, "modelfn: there is no model model-x in the namespace models\n", stderr)
}

// Revisions that do nothing are not all shown, and that is said.
func TestStatusOfManyRevisions(t *testing.T) {
	api, at := withModel(t)
	for n := range 30 {
		r := api.Get("Revision", "model-a-00003")
		r["metadata"].(tree)["name"] = fmt.Sprintf("model-a-%05d", n+4)
		api.Put(r)
	}
	code, out, stderr := tool(t, append([]string{"status"}, at...)...)
	require.Zero(t, code, stderr)
	assert.Contains(t, out, "\nmodel-a has 12 more revisions, without traffic, tag and pods.\n")
	assert.Equal(t, 21, strings.Count(out, "model-a-000"))
}

func TestTraffic(t *testing.T) {
	api, at := withModel(t)
	traffic := func(args ...string) (int, string, string) {
		return tool(t, append(append([]string{"traffic", "model-a"}, args...), at...)...)
	}
	code, out, stderr := traffic()
	require.Zero(t, code, stderr)
	assert.Equal(t, "REVISION       TRAFFIC  TAGS\nmodel-a-00001  100 %    -\n", out)
	code, out, stderr = traffic("1=70", "3=30", "--tag", "green=3,newest=@latest")
	require.Zero(t, code, stderr)
	assert.Equal(t, "REVISION       TRAFFIC  TAGS\nmodel-a-00001  70 %     -\nmodel-a-00003  30 %     green\n@latest        0 %      newest\n", out)
	code, out, stderr = traffic("green=100", "--untag", "newest")
	require.Zero(t, code, stderr)
	assert.Equal(t, "REVISION       TRAFFIC  TAGS\nmodel-a-00003  100 %    green\n", out)

	before := api.Get("Service", "model-a")["spec"]
	for args, want := range map[string]string{
		"2=100":        "modelfn: model-a: model-a-00002 is not ready, so it gets no traffic\n",
		"9=100":        "modelfn: model-a: \"9\" is none of its revisions: a name, a number, a tag or @latest\n",
		"1=50":         "modelfn: model-a: the percents add up to 50, and not to 100\n",
		"--untag blue": "modelfn: model-a: there is no tag blue\n",
		"1=50x":        "modelfn: \"1=50x\" is not a revision and its percent, such as 2=10\nSee 'modelfn traffic --help'.\n",
		"1=100 1=0":    "modelfn: 1 is there twice\nSee 'modelfn traffic --help'.\n",
	} {
		code, _, stderr := traffic(strings.Fields(args)...)
		assert.NotZero(t, code, args)
		assert.Equal(t, want, stderr, args)
	}
	assert.Equal(t, before, api.Get("Service", "model-a")["spec"])
}

func TestLogs(t *testing.T) {
	_, at := withModel(t)
	code, out, stderr := tool(t, append([]string{"logs", "model-a"}, at...)...)
	require.Zero(t, code, stderr)
	assert.Equal(t, "model-a-00001 x-y  one\nmodel-a-00001 x-y  two\n", out)
	code, out, _ = tool(t, append([]string{"logs", "model-a", "--revision", "1", "-o", "json"}, at...)...)
	require.Zero(t, code)
	assert.Equal(t, `{"pod":"model-a-00001-deployment-x-y","line":"one"}`, strings.Split(out, "\n")[0])
	code, out, stderr = tool(t, append([]string{"logs", "model-a", "--revision", "2"}, at...)...)
	require.Zero(t, code)
	assert.Empty(t, out)
	assert.Equal(t, "no pod of it runs, and so there is no log; --follow waits for one\n", stderr)

	for args, want := range map[string]string{
		"--revision 9": "modelfn: model-a: model-a-00009 is none of its revisions\n",
		"--tail -5":    "modelfn: --tail is -5: it has to be 0, for all lines, or more\nSee 'modelfn logs --help'.\n",
	} {
		code, _, stderr := tool(t, append(append([]string{"logs", "model-a"}, strings.Fields(args)...), at...)...)
		assert.NotZero(t, code, args)
		assert.Equal(t, want, stderr, args)
	}
}

// Each line of each pod is printed once, whatever pods, programs and the API do.
func TestLogsFollow(t *testing.T) {
	api, _ := withModel(t)
	var stdout, stderr shared
	r := &logReader{a: &app{stdout: &stdout, stderr: &stderr, format: "text"}, c: api.Cluster(), model: "model-a"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.follow(ctx) }()
	printed := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool { return stdout.String() == want }, time.Minute, 5*time.Millisecond, "%s", &stdout)
	}
	want := "model-a-00001 x-y  one\nmodel-a-00001 x-y  two\n"
	printed(want)

	api.Log("model-a-00001-deployment-x-y", "one\ntwo\nthree\n") // the API broke off
	want += "model-a-00001 x-y  three\n"
	printed(want)

	api.Put(podOf("z-z", "", tree{"waiting": tree{}}))
	api.Log("model-a-00001-deployment-z-z", "in another\n")
	api.Put(podOf("z-z", "containerd://2", tree{"terminated": tree{"containerID": "containerd://2"}}))
	want += "model-a-00001 z-z  in another\n"
	printed(want)

	api.Log("model-a-00001-deployment-z-z", "in another\nwhich started anew\n")
	api.Put(podOf("z-z", "containerd://3", tree{"running": tree{}}))
	want += "model-a-00001 z-z  which started anew\n"
	printed(want)

	api.Away(true)
	require.Eventually(t, func() bool { return strings.Contains(stderr.String(), "; it is asked again\n") }, time.Minute, 5*time.Millisecond)
	api.Away(false)
	api.Delete("Pod", "model-a-00001-deployment-x-y")
	api.Log("model-a-00001-deployment-z-z", "in another\nwhich started anew\nand is here\n")
	want += "model-a-00001 z-z  and is here\n"
	printed(want)

	cancel()
	require.NoError(t, <-ended)
}

func TestDelete(t *testing.T) {
	api, at := withModel(t)
	code, out, stderr := tool(t, append([]string{"delete", "model-a"}, at...)...)
	require.Zero(t, code, stderr)
	assert.Equal(t, "model-a is gone; its params are still in the registry\n", out)
	assert.Nil(t, api.Get("Service", "model-a"))
	code, _, stderr = tool(t, append([]string{"delete", "model-a"}, at...)...)
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, "modelfn: there is no model model-a in the namespace models\n", stderr)
}

func TestDeployDryRun(t *testing.T) {
	api, at := withModel(t)
	code, out, stderr := tool(t, append([]string{"deploy", "-f", functionsFolder + "/model-b", "--dry-run"}, at...)...)
	require.Zero(t, code, stderr)
	assert.Equal(t, []string{"model-b", "would", "be", "new", "-", "-"}, strings.Fields(strings.Split(out, "\n")[1]))
	assert.Nil(t, api.Get("Service", "model-b"))

	for args, want := range map[string]string{
		"--canary 100":              "--canary takes a number from 1 to 99",
		"--canary 10 --promote":     "--canary, --no-traffic and --promote exclude each other",
		"--timeout 0s":              "--timeout takes more than 0s",
		"--wait=false --no-traffic": "traffic is moved to what is ready: --wait=false leaves it where it is",
	} {
		code, _, stderr := tool(t, append([]string{"deploy"}, strings.Fields(args)...)...)
		assert.Equal(t, exitUsage, code, args)
		assert.Contains(t, stderr, want)
	}
}

func TestConsole(t *testing.T) {
	api, at := withModel(t)
	set := map[string]string{"HOST": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0", "NAMESPACE": clustertest.Namespace}
	var stderr shared
	a := &app{stdout: &stderr, stderr: &stderr, format: "text"}
	place := where{kubeconfig: at[1]}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.console(ctx, place, func(name string) string { return set[name] }) }()
	var url string
	require.Eventually(t, func() bool {
		_, rest, ok := strings.Cut(stderr.String(), `"traffic":"`)
		address, _, whole := strings.Cut(rest, `"`)
		url = "http://" + address
		return ok && whole
	}, time.Minute, 5*time.Millisecond)
	get := func() string {
		resp, err := http.Get(url + "/v1/models")
		require.NoError(t, err)
		defer resp.Body.Close()
		var list struct {
			Models []string `json:"models"`
		}
		require.NoError(t, json.UnmarshalRead(resp.Body, &list))
		return strings.Join(list.Models, " ")
	}
	assert.Equal(t, "model-a", get())
	service := api.Get("Service", "model-a")
	service["metadata"] = tree{"name": "model-new", "namespace": clustertest.Namespace, "labels": tree{cluster.ModelLabel: "model-new"}}
	api.Put(service)
	require.Eventually(t, func() bool { return get() == "model-a model-new" }, time.Minute, 5*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)

	set["HOST"] = "0.0.0.0"
	err := a.console(t.Context(), place, func(name string) string { return set[name] })
	require.ErrorContains(t, err, "without TOKENS_PATH anybody could move traffic")
}
