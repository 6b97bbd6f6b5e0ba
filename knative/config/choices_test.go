package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	serving "knative.dev/serving/pkg/apis/serving/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// choiceForm finds the patches that are commented out, with the first line of what is
// said of each.
var choiceForm = regexp.MustCompile(`(?m)^  # ([A-Z].*\n)(?:  # .*\n)*?((?:  # - target:\n(?:  #  .*\n)+)+)`)

// Each patch of the overlay for production that is commented out works as it stands.
func TestChoices(t *testing.T) {
	const file = "overlays/production/kustomization.yaml"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	choices := choiceForm.FindAllStringSubmatch(string(text), -1)
	require.Len(t, choices, strings.Count(string(text), "# - target:"))
	for _, choice := range choices {
		t.Run(strings.TrimSpace(choice[1]), func(t *testing.T) {
			made := strings.ReplaceAll(choice[2], "  # ", "  ")
			all := renderIn(t, withFile(t, ".", file, strings.Replace(string(text), choice[2], made, 1)), "overlays/production")
			for name, object := range all {
				valid(t, name, object)
			}
			require.NotEqual(t, render(t, "production"), all, "it changes something")
		})
	}
}

// With the file that make images leaves, the overlay for production names every image by
// digest.
func TestImagesByDigest(t *testing.T) {
	const (
		file      = "overlays/production/kustomization.yaml"
		component = "out/images" // two folders above
		digest    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(text), "# components:")
	require.True(t, ok)
	choice, rest, _ := strings.Cut(rest, "\n")
	_, rest, ok = strings.Cut(rest, "\npatches:\n")
	require.True(t, ok)
	files := withFile(t, "knative/config", "knative/config/"+file, head+"components:"+choice+"\n\npatches:\n"+rest)
	made := "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
	for name, path := range map[string]string{"console": "knative/modelfn", "dead-letter": "functions/dead-letter", "registry": "functions/registry"} {
		made += "  - {name: ko://github.com/modelfn/modelfn/" + path + ", newName: registry.example.com/" + name + ", digest: \"" + digest + "\"}\n"
	}
	require.NoError(t, files.WriteFile(component+"/kustomization.yaml", []byte(made)))
	services := 0
	for name, object := range renderIn(t, files, "knative/config/overlays/production") {
		if service, ok := object.(*serving.Service); ok {
			services++
			require.Equal(t, "registry.example.com/"+service.Name+"@"+digest, service.Spec.Template.Spec.Containers[0].Image, name)
		}
	}
	require.Equal(t, 3, services)
}

// withFile returns the files of this folder as those of another, one of them with another
// text.
func withFile(t *testing.T, folder, path, text string) filesys.FileSystem {
	t.Helper()
	files := filesys.MakeFsInMemory()
	for _, pattern := range []string{"base/*", "overlays/*/*"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range found {
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			require.NoError(t, files.WriteFile(filepath.Join(folder, name), content))
		}
	}
	require.NoError(t, files.WriteFile(path, []byte(text)))
	return files
}
