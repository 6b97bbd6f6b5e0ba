package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/modelfn/modelfn/knative/function"
)

const functionsFolder = "../../../../functions"

// object is what the tests look at of a Kubernetes object.
type object struct {
	Kind     string
	Metadata struct {
		Name, Namespace string
		Annotations     map[string]string
	}
}

// documents reads the objects of some YAML.
func documents(t *testing.T, text string) (list []object) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, o)
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	folder, err := bin()
	require.NoError(t, err)
	images := filepath.Join(t.TempDir(), "images.json")
	reference := "registry.local:5000/modelfn/model-a@sha256:" + strings.Repeat("ab", 32)
	require.NoError(t, os.WriteFile(images, []byte(`{"model-a":"`+reference+`","registry":"other"}`), 0o600))

	r := call(t, "", "manifest", "-f", functionsFolder, "--bin", folder, "-n", "team-a", "--images", images)
	require.Zero(t, r.code, r.stderr)
	assert.Empty(t, r.stderr)
	list := documents(t, r.stdout)
	var names []string
	for _, o := range list {
		names = append(names, o.Kind+" "+o.Metadata.Name)
		assert.Equal(t, "team-a", o.Metadata.Namespace)
	}
	assert.Equal(t, []string{
		"Service component-d", "Trigger component-d-params", "Service model-a", "Trigger model-a-params",
		"Service model-b", "Trigger model-b-params", "Service model-c", "Trigger model-c-params",
	}, names)
	assert.Contains(t, r.stdout, "image: "+reference+"\n")
	assert.Contains(t, r.stdout, "image: registry.local:5000/modelfn/model-b\n")
	assert.Contains(t, list[2].Metadata.Annotations["modelfn.dev/description"], `"model":"model-a"`)

	samples := call(t, "", "manifest", "--bin", folder, "-n", "team-a", "--images", images)
	assert.Equal(t, r.stdout, samples.stdout, "the samples are in the tool")

	asJSON := call(t, "", "manifest", "-f", functionsFolder, "--bin", folder, "-o", "json")
	var printed struct {
		Kind  string
		Items []object
	}
	require.NoError(t, json.Unmarshal([]byte(asJSON.stdout), &printed, json.MatchCaseInsensitiveNames(true)))
	assert.Equal(t, "List", printed.Kind)
	assert.Len(t, printed.Items, 8)
}

// The specs of the samples say what the folder of functions says.
func TestSampleSpecs(t *testing.T) {
	t.Parallel()
	embedded, err := sampleSpecs()
	require.NoError(t, err)
	loaded, err := function.Load(functionsFolder)
	require.NoError(t, err)
	require.Len(t, embedded, len(loaded))
	for i := range loaded {
		assert.Equal(t, loaded[i].ProgramPath("bin"), embedded[i].ProgramPath("bin"))
		assert.Equal(t, loaded[i].Components, embedded[i].Components)
	}
}

func TestManifestFails(t *testing.T) {
	t.Parallel()
	programs, err := bin()
	require.NoError(t, err)
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	bad := write("bad.yaml", "name: m\nscale: {max: 0}\nevents: 1\n")
	bare := write("bare.yaml", "name: bare\n")
	other := write("other.yaml", "name: other\nprogram: model-a\nimage: other\n")
	typo := write("typo.yaml", "name: model-a\nimage: other\ncomponents: {component-x: network}\n")
	tests := map[string]struct {
		args []string
		want string
	}{
		"no component":  {[]string{"-f", typo}, "model-a: components.component-x: the program has no such component; those that it has: component-d"},
		"bad file":      {[]string{"-f", bad}, "modelfn: " + bad + ":2: scale.max: 0 is not at least 1 and at most 1000\n" + bad + ":3: events: not a boolean\n"},
		"no file":       {[]string{"-f", filepath.Join(folder, "none")}, "none: no such file or directory"},
		"no image":      {[]string{"-f", bare}, "bare: image: missing"},
		"no program":    {[]string{"-f", bare}, "bare goes without a description: asking " + programs + "/bare"},
		"not its own":   {[]string{"-f", other}, "other: the program " + programs + "/model-a is that of model-a"},
		"no images":     {[]string{"-f", bare, "--images", filepath.Join(folder, "none")}, "the images: open"},
		"bad images":    {[]string{"-f", bare, "--images", write("images.json", `{"bare":3}`)}, "images.json: bare: not a string"},
		"bad namespace": {[]string{"-n", "Team"}, `model-a: namespace: "Team"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(t, "", append([]string{"manifest", "--bin", programs}, tt.args...)...)
			assert.Equal(t, exitFailed, r.code)
			assert.Contains(t, r.stderr, tt.want)
			assert.Empty(t, r.stdout)
		})
	}
}
