// Package arrows holds the project's imports to its design: which package may
// know which.
package arrows

import (
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/modelfn/modelfn/"

// forbidden lists what must never be: no package below From may import one below
// To, not even through others if Deep is set. Except names packages below From
// that may.
var forbidden = []struct {
	From, To string
	Deep     bool
	Except   []string
	Why      string
}{
	{From: "framework", To: module + "functions", Why: "the framework serves any function"},
	{From: "framework", To: module + "knative", Why: "the framework knows no platform"},
	{From: "framework", To: "k8s.io", Deep: true, Why: "a function needs no Kubernetes"},
	{From: "framework", To: "knative.dev/serving", Deep: true, Why: "a function needs no Knative"},
	{From: "framework", To: "github.com/GoogleCloudPlatform/functions-framework-go", Except: []string{"framework/gcf"}, Why: "gcf is its only importer"},
	{From: "framework", To: "github.com/cloudevents", Except: []string{"framework/events/sink"}, Why: "sink is its only importer"},
	{From: "framework", To: "github.com/stretchr/testify", Except: []string{"framework/frameworktest", "framework/gcf/gcftest"}, Why: "it is for tests"},
	{From: "framework", To: "encoding/json", Why: "it accepts what is not exact"},
	{From: "functions", To: module + "knative", Why: "a function knows no platform"},
	{From: "functions", To: "github.com/cloudevents", Why: "framework/events/sink is its only importer"},
	{From: "functions", To: "k8s.io", Deep: true, Why: "a function needs no Kubernetes"},
	{From: "functions", To: "knative.dev", Deep: true, Why: "a function needs no Knative"},
	{From: "knative", To: "k8s.io", Deep: true, Except: []string{"knative/cluster", "knative/deploy", "knative/discovery", "knative/manifest", "knative/modelfn", "knative/traffic"},
		Why: "the rest runs without Kubernetes too"},
	{From: "knative", To: "knative.dev/eventing", Deep: true, Why: "it links all of client-go, more than half of the tool"},
	{From: "framework", To: module + "hack", Why: "nothing imports hack"},
	{From: "functions", To: module + "hack", Why: "nothing imports hack"},
	{From: "knative", To: module + "hack", Why: "nothing imports hack"},
}

// pkg is a package of the module with what it imports.
type pkg struct {
	path          string // below the module
	imports, deps []string
	main          bool
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}}|{{join .Imports ","}}|{{join .Deps ","}}|{{.Name}}`, module+"...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	var list []pkg
	for line := range strings.Lines(string(out)) {
		part := strings.Split(strings.TrimSpace(line), "|")
		list = append(list, pkg{
			path:    strings.TrimPrefix(part[0], module),
			imports: strings.Split(part[1], ","), deps: strings.Split(part[2], ","),
			main: part[3] == "main",
		})
	}
	require.Greater(t, len(list), 10)
	return list
}

// below reports whether a path is a folder or lies in it.
func below(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

func TestImportArrows(t *testing.T) {
	for _, p := range packages(t) {
		for _, rule := range forbidden {
			if !below(p.path, rule.From) || exempt(p.path, rule.Except) {
				continue
			}
			imports := p.imports
			if rule.Deep {
				imports = p.deps
			}
			for _, i := range imports {
				if below(i, strings.TrimSuffix(rule.To, "/")) {
					t.Errorf("%s must not import %s: %s", p.path, i, rule.Why)
				}
			}
		}
	}
}

func exempt(p string, except []string) bool {
	for _, e := range except {
		if below(p, e) {
			return true
		}
	}
	return false
}

// TestProgramsKeepApart: a program under functions is deployed alone, so it
// imports no other program's folder.
func TestProgramsKeepApart(t *testing.T) {
	all := packages(t)
	for _, p := range all {
		if !p.main || path.Dir(p.path) != "functions" {
			continue
		}
		for _, other := range all {
			if other.main && other.path != p.path {
				require.NotContains(t, p.imports, module+other.path, "%s imports the program %s", p.path, other.path)
			}
		}
	}
}
