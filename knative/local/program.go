package local

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/modelfn/modelfn/knative/function"
)

// program is one process that a run consists of.
type program struct {
	name     string // of the instance
	model    string // "" for the registry
	path     string
	function function.Spec
}

// registryProgram is what the registry's program is called.
const registryProgram = "registry"

// cast says which function has which part.
func (r *Run) cast() {
	called := slices.Clone(r.cfg.Network)
	within := map[string]bool{}
	for _, f := range r.cfg.Functions {
		called = append(called, f.Network()...)
		for name := range f.Components {
			within[name] = true
		}
	}
	slices.Sort(called)
	for _, name := range slices.Compact(called) {
		within[name] = true
		r.parts = append(r.parts, r.function(name))
	}
	for _, f := range r.cfg.Functions {
		if !within[f.Name] {
			r.models = append(r.models, f)
		}
	}
}

// function returns the spec of a function. One that has none is known by its name.
func (r *Run) function(name string) function.Spec {
	for _, f := range r.cfg.Functions {
		if f.Name == name {
			return f
		}
	}
	return function.Named(name)
}

// programs returns all that the run consists of, in the order of
// [Run.Instances].
func (r *Run) programs() []program {
	var all []program
	if r.cfg.Registry {
		all = append(all, program{name: registryProgram, path: filepath.Join(r.cfg.Programs, registryProgram)})
	}
	for _, f := range r.parts {
		all = append(all, program{f.Name, f.Name, f.ProgramPath(r.cfg.Programs), f})
	}
	for _, f := range r.models {
		for i := range r.cfg.Replicas {
			name := f.Name
			if r.cfg.Replicas > 1 {
				name = fmt.Sprintf("%s-%d", f.Name, i+1)
			}
			all = append(all, program{name, f.Name, f.ProgramPath(r.cfg.Programs), f})
		}
	}
	return all
}

// functions are the components and models that run, and have params.
func (r *Run) functions() (names []string) {
	for _, f := range slices.Concat(r.parts, r.models) {
		names = append(names, f.Name)
	}
	return names
}

// Models returns the names of the models, in their order.
func (r *Run) Models() []string { return r.functions()[len(r.parts):] }

// deaf are the functions that want no events.
func (r *Run) deaf() map[string]bool {
	all := map[string]bool{}
	for _, f := range slices.Concat(r.parts, r.models) {
		all[f.Name] = !f.Events
	}
	return all
}

// path is where the program of a function lies.
func (r *Run) path(name string) string {
	f := r.function(name)
	return f.ProgramPath(r.cfg.Programs)
}

// inherited returns what the programs have of the environment that the run was
// started with: all but what says which params a function serves, who may change
// them, how long it has for a request, and where its components run. That is for the
// functions' files and the run to say, and "" is nothing said.
func (r *Run) inherited() []string {
	env := append(r.cfg.Env[:len(r.cfg.Env):len(r.cfg.Env)],
		"PARAMS_VERSION=", "PARAMS_DIGEST=", "PARAMS_FALLBACK=", "TOKENS=", "REQUEST_TIMEOUT=")
	names := r.functions()
	for _, f := range r.cfg.Functions {
		names = slices.AppendSeq(append(names, f.Name), maps.Keys(f.Components))
	}
	for _, name := range names {
		env = append(env, function.URLVariable(name)+"=")
	}
	return env
}

// env returns the environment of a program that listens on a port. What the run
// sets comes last, and so goes before what the function's file sets and what the
// run was started with.
func (r *Run) env(p program, port int) []string {
	env := r.inherited()
	for name, value := range p.function.Env {
		env = append(env, name+"="+value)
	}
	env = append(env,
		"HOST=127.0.0.1", fmt.Sprintf("PORT=%d", port), "ADMIN_PORT=0",
		"K_REVISION=local",
		"DRAIN_DELAY=0s", // the gateway sends a request that came too late to another
		"TOKENS_PATH="+r.cfg.Tokens,
	)
	if p.model == "" {
		return append(env, "STORE_URL="+(&url.URL{Scheme: "file", Path: filepath.Join(r.cfg.Folder, "registry")}).String(),
			"K_SERVICE="+registryProgram, "K_SINK="+r.broker.url(), "K_CE_OVERRIDES=", "NAMESPACE=local")
	}
	env = append(env, "K_SERVICE="+p.model, "PARAMS_URL="+r.RegistryURL(), "PARAMS_PATH="+r.Bundles(),
		"REQUEST_TIMEOUT="+p.function.Deadline().String())
	if p.function.Pinned() {
		env = append(env, fmt.Sprintf("PARAMS_VERSION=%d", p.function.Params.Version), "PARAMS_DIGEST="+p.function.Params.Digest)
	}
	for _, component := range append(p.function.Network(), r.cfg.Network...) {
		if component != p.model {
			env = append(env, function.URLVariable(component)+"="+r.list.url(component))
		}
	}
	return env
}

// RegistryURL is where the registry answers, http://127.0.0.1:port; "" before it was
// started, and without one.
func (r *Run) RegistryURL() string {
	if !r.cfg.Registry {
		return ""
	}
	return r.list.url(registryProgram)
}
