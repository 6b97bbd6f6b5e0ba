//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Role deployer is enough for all that is done to a function, for the reason of a
// failure too, and lets nobody do more.
func TestDeployerRole(t *testing.T) {
	kubeconfig := deployer(t)
	tool := func(args ...string) (string, error) { return attempt("bin/modelfn", kubeconfig, args...) }
	file := filepath.Join(t.TempDir(), "function.yaml")
	function := func(lines ...string) {
		t.Helper()
		spec := append([]string{"name: by-role", "program: ./none", "image: " + imageOf(t, "model-a"), "components: {component-d: process}", "scale: {min: 1}"}, lines...)
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(spec, "\n")+"\n"), 0o600))
	}
	works := func(want string, args ...string) {
		t.Helper()
		said, err := tool(args...)
		require.NoError(t, err, said)
		require.Contains(t, said, want)
	}
	t.Cleanup(func() { kubectl(t, "delete", "ksvc/by-role", "trigger/by-role-params", "--ignore-not-found") })

	function()
	works("100 % by-role-00001", "deploy", "--file", file)
	require.Equal(t, "by-role", field(t, "trigger/by-role-params", "{.spec.filter.attributes.subject}"))
	function("events: false")
	works("the Trigger by-role-params goes", "deploy", "--file", file)
	function("events: false", "env: {LOG_LEVEL: debug}")
	works("90 % by-role-00001, 10 % by-role-00002 (candidate)", "deploy", "--file", file, "--canary", "10")
	works("by-role-00002", "traffic", "by-role", "2=100")
	works("by-role-00002", "status", "by-role")
	works("by-role-00002", "logs", "by-role", "--tail", "1")
	function("events: false", "params: {version: 987654}", "env: {PARAMS_FALLBACK: none}")
	said, err := tool("deploy", "--file", file, "--timeout", "20s")
	require.Error(t, err)
	require.Contains(t, said, "GET /health/ready answers 503", "it may ask the program why")
	works("by-role is gone", "delete", "by-role")

	may := func(in string) []string {
		t.Helper()
		said, err := attempt("kubectl", kubeconfig, "auth", "can-i", "--list", "--no-headers", "--namespace", in)
		require.NoError(t, err, said)
		return strings.Split(strings.TrimRight(said, "\n"), "\n")
	}
	anyone := map[string]bool{} // may do what the deployer may in another namespace
	for _, line := range may("default") {
		anyone[strings.Join(strings.Fields(line), " ")] = true
	}
	var more []string
	for _, line := range may(namespace) {
		if line = strings.Join(strings.Fields(line), " "); !anyone[line] {
			more = append(more, line)
		}
	}
	assert.ElementsMatch(t, []string{
		"services.serving.knative.dev [] [] [get list watch create patch delete]",
		"revisions.serving.knative.dev [] [] [list watch]",
		"triggers.eventing.knative.dev [] [] [get create patch delete]",
		"pods [] [] [list watch]",
		"pods/log [] [] [get]",
		"pods/proxy [] [] [get]",
	}, more)
	for line := range anyone {
		assert.Regexp(t, `^(\[/\S*\] \[\] \[get\]|self\w+reviews\.\S+ \[\] \[\] \[create\])$`, line, "of what is anyone's")
	}
}

// deployer returns a kubeconfig of somebody who has the Role deployer, and nothing else.
func deployer(t *testing.T) (path string) {
	t.Helper()
	name := fmt.Sprintf("deployer-%d", time.Now().UnixNano())
	kubectl(t, "create", "serviceaccount", name)
	kubectl(t, "create", "rolebinding", name, "--role", "deployer", "--serviceaccount", namespace+":"+name)
	t.Cleanup(func() { kubectl(t, "delete", "rolebinding/"+name, "serviceaccount/"+name) })
	var config map[string]any
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, "config", "view", "--raw", "--minify", "--flatten", "--output", "json")), &config))
	users, ok := config["users"].([]any)
	require.True(t, ok && len(users) == 1)
	users[0].(map[string]any)["user"] = map[string]any{"token": kubectl(t, "create", "token", name)}
	text, err := json.Marshal(config)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// attempt runs a program in the root folder as somebody, and returns all that it says.
func attempt(name, kubeconfig string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// imageOf is the image, by digest, of a function that is deployed.
func imageOf(t *testing.T, function string) string {
	t.Helper()
	return field(t, "ksvc/"+function, "{.spec.template.spec.containers[0].image}")
}
