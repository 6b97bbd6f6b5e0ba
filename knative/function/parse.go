package function

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/schema"
)

// FileName is what a spec file is called.
const FileName = "function.yaml"

// Load reads spec files, each once, in the order of the paths. A path is that of a
// file, or of a folder: that stands for its function.yaml and those of the folders
// right below. Names are unique. The error is [ProblemsError].
func Load(paths ...string) ([]Spec, error) {
	var problems ProblemsError
	files, seen := []string{}, map[string]bool{}
	for _, path := range paths {
		found, err := find(path)
		if err != nil {
			problems = append(problems, Problem{File: path, Message: err.Error()})
		}
		for _, file := range found {
			if !seen[file] {
				files, seen[file] = append(files, file), true
			}
		}
	}
	var specs []Spec
	for _, file := range files {
		spec, err := read(file)
		if wrong, ok := errors.AsType[ProblemsError](err); ok {
			problems = append(problems, wrong...)
			continue
		}
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(specs, func(s Spec) bool { return s.Name == spec.Name }); i >= 0 {
			message := fmt.Sprintf("%s is the function of %s already", spec.Name, specs[i].path(FileName))
			problems = append(problems, Problem{File: file, Path: "name", Message: message})
		}
		specs = append(specs, spec)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return specs, nil
}

// find returns the spec files that a path stands for.
func find(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, cause(err)
	}
	if !info.IsDir() {
		return []string{filepath.Clean(path)}, nil
	}
	var files []string
	for _, pattern := range []string{FileName, "*/" + FileName} {
		found, err := fs.Glob(os.DirFS(path), pattern)
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			files = append(files, filepath.Join(path, file))
		}
	}
	if len(files) == 0 {
		return nil, errors.New("no " + FileName + " in it or right below")
	}
	return files, nil
}

func read(file string) (Spec, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Spec{}, ProblemsError{{File: file, Message: cause(err).Error()}}
	}
	return Parse(file, content)
}

// cause is an error without the path that stands before it anyway.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// Parse reads the content of a spec file. The paths that it names start from the
// folder of file, which is also what problems call it. The error is [ProblemsError].
func Parse(file string, content []byte) (Spec, error) {
	r := reader{file: file, places: map[string]place{}, bad: map[string]bool{}}
	tree := r.read(content)
	if tree == nil {
		return Spec{}, r.problems
	}
	spec, err := r.decode(tree)
	if err != nil {
		return Spec{}, fmt.Errorf("%s: %w", file, err)
	}
	spec.folder = filepath.Dir(file)
	spec.complete()
	spec.check(r.add)
	if len(r.problems) > 0 {
		r.problems.sort()
		return Spec{}, r.problems
	}
	return spec, nil
}

// decode makes a spec of all that has the right form, and notes what has not: so
// that what the rest means can be checked as well.
func (r *reader) decode(tree map[string]any) (Spec, error) {
	form, err := schema.Of[Spec]()
	if err != nil {
		return Spec{}, err
	}
	for { // a fault tells a few problems at once, and then the next few
		text, err := json.Marshal(tree, json.Deterministic(true))
		if err != nil {
			return Spec{}, err
		}
		known := len(r.problems)
		if err := form.Check(text); err != nil {
			for _, one := range fault.From(err).Parts() {
				r.add(one.Path, "%s%s", one.Message, r.hint(one))
				r.prune(one.Path)
			}
		}
		if len(r.problems) == known {
			spec := defaults()
			return spec, json.Unmarshal(text, &spec)
		}
	}
}

// hint says how to mend what YAML has taken for something else.
func (r *reader) hint(wrong *fault.Error) string {
	p := r.places[wrong.Path]
	switch p.in[p.name].(type) {
	case bool, float64, jsontext.Value:
		if wrong.Message == "not a string" {
			return ": put it in quotes"
		}
	}
	return ""
}
