//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No container of ours runs as root, can write to its root or gain rights: it is so said
// of all of them, and it is so for the processes that run.
func TestContainersAreConfined(t *testing.T) {
	require.Equal(t, "restricted", field(t, "namespace/"+namespace, `{.metadata.labels.pod-security\.kubernetes\.io/enforce}`))
	want := map[string]bool{"registry": true, "console": true, "dead-letter": true, "bucket": true, "component-d": true}
	for _, model := range models {
		want[model] = true
	}
	for function := range want { // those at zero get a pod
		if function == "bucket" {
			continue
		}
		resp, err := client.Get("http://" + function + "." + namespace + ".svc.cluster.local/health/live")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, function)
	}
	for _, c := range containers(t) {
		delete(want, c.of)
		t.Run(c.pod+" "+c.name, func(t *testing.T) {
			assert.Equal(t, "true:true:false", field(t, "pod/"+c.pod, fmt.Sprintf(
				`{range .spec.containers[?(@.name=="%s")].securityContext}{.runAsNonRoot}:{.readOnlyRootFilesystem}:{.allowPrivilegeEscalation}{end}`, c.name)))
			is := c.process(t)
			assert.NotContains(t, strings.Fields(is["Uid"]), "0", "the user, as it is and as it may become")
			assert.NotContains(t, strings.Fields(is["Gid"]), "0", "the group")
			for _, set := range []string{"CapPrm", "CapEff", "CapBnd", "CapAmb"} {
				assert.Equal(t, "0000000000000000", is[set], set)
			}
			assert.Equal(t, "1", is["NoNewPrivs"])
			assert.Equal(t, "2", is["Seccomp"], "with a filter")
			// Not even root, from outside, may write there.
			err := os.WriteFile(fmt.Sprintf("/proc/%d/root/written", c.pid), nil, 0o600)
			require.ErrorIs(t, err, syscall.EROFS)
		})
	}
	assert.Empty(t, want, "without a pod")
}

// container is one that runs in the models' namespace.
type container struct {
	of, pod, name string // of is the function, or what else it belongs to
	address       string // the pod's
	pid           int
}

// containers returns all containers that run, of pods that are not about to end.
func containers(t *testing.T) (all []container) {
	t.Helper()
	eventually(t, "the process of each container", func() bool { // one may end between the two questions
		all = nil
		list := kubectl(t, "get", "pods", "--output", `jsonpath={range .items[*]}`+
			`{.metadata.name} {.metadata.labels.serving\.knative\.dev/service}/{.metadata.labels.app\.kubernetes\.io/name} {.status.podIP} [{.metadata.deletionTimestamp}]`+
			`{range .status.containerStatuses[?(@.state.running)]} {.name}={.containerID}{end}{"\n"}{end}`)
		pids := processes(t)
		for line := range strings.Lines(list) {
			f := strings.Fields(line)
			if len(f) < 5 || f[3] != "[]" {
				continue
			}
			function, other, _ := strings.Cut(f[1], "/")
			for _, s := range f[4:] {
				name, id, _ := strings.Cut(s, "=containerd://")
				if pids[id] == 0 {
					return false
				}
				all = append(all, container{of: cmp.Or(function, other), pod: f[0], name: name, address: f[2], pid: pids[id]})
			}
		}
		return true
	})
	return all
}

// processes returns the number of each container's first process.
func processes(t *testing.T) map[string]int {
	t.Helper()
	pids := map[string]int{}
	for line := range strings.Lines(run(t, "", "ctr", "--namespace", "k8s.io", "tasks", "list")) {
		if f := strings.Fields(line); len(f) == 3 && f[2] == "RUNNING" {
			pid, err := strconv.Atoi(f[1])
			require.NoError(t, err)
			pids[f[0]] = pid
		}
	}
	return pids
}

// podOf returns the container of a function's program in one of its pods.
func podOf(t *testing.T, function string) container {
	t.Helper()
	for _, c := range containers(t) {
		if c.of == function && c.name == "user-container" {
			return c
		}
	}
	require.Fail(t, "no pod runs", function)
	return container{}
}

// proxyPort is where Knative's proxy answers in a pod. It asks the program on loopback.
const proxyPort = "8012"

// url is a port of the pod, with nothing in between.
func (c container) url(port string) string { return "http://" + c.address + ":" + port }

// process returns what the kernel says of the container's program, by name.
func (c container) process(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	require.NoError(t, err)
	is := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		is[name] = strings.TrimSpace(value)
	}
	return is
}

// status sends a request from the pod's network, and returns the status of the answer.
func (c container) status(t *testing.T, req *http.Request, body, bearer string) int {
	t.Helper()
	args := []string{"--target", strconv.Itoa(c.pid), "--net", "curl", "--silent", "--show-error", "--max-time", "60",
		"--output", os.DevNull, "--write-out", "%{http_code}", "--request", req.Method, "--data", body, "--header", "Content-Type: application/json"}
	if bearer != "" {
		args = append(args, "--header", "Authorization: Bearer "+bearer)
	}
	code, err := strconv.Atoi(run(t, "", "nsenter", append(args, req.URL.String())...))
	require.NoError(t, err)
	return code
}
