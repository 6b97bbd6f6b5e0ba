package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/functions"
	"github.com/modelfn/modelfn/knative/function"
)

// chosen is which functions a command is about, and where their programs are.
type chosen struct {
	files    []string
	programs string
}

// flags adds the flags that choose functions.
func (c *chosen) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&c.files, "file", "f", nil, "function.yaml, or a `folder` with such files in it or right below (default: the samples); may be repeated")
	cmd.Flags().StringVar(&c.programs, "bin", "", "`folder` of the functions' programs (default: that of this tool)")
}

// specs reads the functions' files.
func (c *chosen) specs() ([]function.Spec, error) {
	if len(c.files) > 0 {
		return function.Load(c.files...)
	}
	return sampleSpecs()
}

// folder is that of the programs.
func (c *chosen) folder() (string, error) {
	if c.programs != "" {
		return c.programs, nil
	}
	return ownFolder()
}

// sampleSpecs are the functions that the tool knows of itself.
func sampleSpecs() ([]function.Spec, error) {
	files, err := fs.Glob(functions.Specs, "*/"+function.FileName)
	if err != nil {
		return nil, err
	}
	var specs []function.Spec
	for _, file := range files {
		content, err := functions.Specs.ReadFile(file)
		if err != nil {
			return nil, err
		}
		spec, err := function.Parse(file, content)
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// describe asks the programs of functions what they are. One that does not say is
// left out, with a word to the person.
func (a *app) describe(ctx context.Context, specs []function.Spec, programs string) (map[string]framework.Description, error) {
	all := map[string]framework.Description{}
	var wrong []error
	var mu sync.Mutex // guards both, and the notes
	var asking sync.WaitGroup
	for _, spec := range specs {
		asking.Go(func() {
			path := spec.ProgramPath(programs)
			d, err := function.Describe(ctx, path, os.Environ())
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				fmt.Fprintf(a.stderr, "%s goes without a description: %v\n", spec.Name, err)
			case d.Model != spec.Name:
				wrong = append(wrong, fmt.Errorf("%s: the program %s is that of %s", spec.Name, path, d.Model))
			default:
				all[spec.Name] = d
				wrong = append(wrong, unknownComponents(spec, d))
			}
		})
	}
	asking.Wait()
	return all, errors.Join(wrong...)
}

// unknownComponents says which components of a function its program does not have: where
// they run would be said in vain.
func unknownComponents(spec function.Spec, d framework.Description) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(spec.Components)) {
		if d.Components != nil && !slices.Contains(d.Components, name) {
			has := cmp.Or(strings.Join(d.Components, ", "), "none")
			wrong = append(wrong, fmt.Errorf("%s: components.%s: the program has no such component; those that it has: %s", spec.Name, name, has))
		}
	}
	return errors.Join(wrong...)
}
