package main

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/modelfn/modelfn/hack/cluster/build/push/image"
)

// function is what becomes an image.
type function struct {
	name    string
	program string   // none: the base alone, on which ko puts its own
	bundle  string   // the file of its params; may be empty
	args    []string // of the program, if the container has no others
}

// repository is the module of this project.
const repository = "github.com/modelfn/modelfn"

// nameForm is what a registry and Kubernetes both take for a name.
var nameForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// parse reads the arguments; without any it finds the project's own functions.
func parse(args []string, folder string) ([]function, error) {
	if len(args) == 0 {
		return own(folder)
	}
	var functions []function
	for _, arg := range args {
		name, files, ok := strings.Cut(arg, "=")
		if !ok || files == "" {
			return nil, fmt.Errorf("%s: not NAME=PROGRAM or NAME=PROGRAM,BUNDLE", arg)
		}
		if !nameForm.MatchString(name) {
			return nil, fmt.Errorf("%s: a name has small letters, digits and dashes, 63 at most", name)
		}
		program, bundle, _ := strings.Cut(files, ",")
		functions = append(functions, function{name: name, program: program, bundle: bundle})
	}
	return functions, nil
}

// own returns the functions of this project, and the console.
func own(folder string) ([]function, error) {
	mains, err := filepath.Glob(filepath.Join(folder, "functions", "*", "main.go"))
	if err != nil {
		return nil, err
	}
	if len(mains) == 0 {
		return nil, errors.New("no functions here: run it in the root folder of the repository")
	}
	functions := []function{
		{name: "base"},
		{name: "console", program: filepath.Join(folder, "bin", "modelfn"), args: []string{"console"}},
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		f := function{name: name, program: filepath.Join(folder, "bin", name)}
		bundle := filepath.Join(folder, "out", "images", "models", name+".json")
		if _, err := os.Stat(bundle); err == nil {
			f.bundle = bundle
		}
		functions = append(functions, f)
	}
	return functions, nil
}

// image returns the function's image: the base, its program, its params. They are
// layers of their own, so that new params are a few bytes to push and to pull.
func (f *function) image(base v1.Layer) (v1.Image, error) {
	// PATH is as every builder sets it.
	config := v1.Config{User: image.User, Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	if f.program == "" {
		return image.New(runtime.GOARCH, config, base)
	}
	content, err := os.ReadFile(f.program)
	if err != nil {
		return nil, fmt.Errorf("the program: %w", err)
	}
	architecture, labels, err := inspect(content)
	if err != nil {
		return nil, fmt.Errorf("the program %s: %w", f.program, err)
	}
	labels["org.opencontainers.image.title"] = f.name
	program, err := image.Packed(image.File{Path: "function", Mode: 0o555, Content: content})
	if err != nil {
		return nil, err
	}
	layers := []v1.Layer{base, program}
	// One name for all: a Dockerfile cannot compute an entrypoint.
	config.Entrypoint, config.Cmd = []string{"/function"}, f.args
	config.Labels = labels
	if f.bundle != "" {
		params, err := f.params()
		if err != nil {
			return nil, fmt.Errorf("the bundle: %w", err)
		}
		layers = append(layers, params)
		config.Env = append(config.Env, "PARAMS_PATH=/models")
	}
	return image.New(architecture, config, layers...)
}

func (f *function) params() (v1.Layer, error) {
	content, err := os.ReadFile(f.bundle)
	if err != nil {
		return nil, err
	}
	return image.Packed(image.File{Path: "models/" + f.name + ".json", Mode: 0o444, Content: content})
}

// inspect reads from a program what it runs on, and what it was built from, as
// labels. It fails for one that would not run in an empty image.
func inspect(program []byte) (architecture string, labels map[string]string, err error) {
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return "", nil, errors.New("not a program for Linux: build it with GOOS=linux")
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return "", nil, errors.New("not static: build it with CGO_ENABLED=0")
		}
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return "", nil, errors.New("it does not say what it was built from: build it with go build")
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	labels = map[string]string{
		"org.opencontainers.image.source":   "https://" + info.Main.Path,
		"org.opencontainers.image.version":  cmp.Or(info.Main.Version, "(devel)"),
		"org.opencontainers.image.revision": cmp.Or(settings["vcs.revision"], "unknown"),
	}
	if info.Main.Path == repository { // a program of another module has its own licence
		labels["org.opencontainers.image.licenses"] = "Apache-2.0"
	}
	return settings["GOARCH"], labels, nil
}
