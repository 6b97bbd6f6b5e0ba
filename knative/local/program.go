package local

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// program is one process that a run consists of.
type program struct {
	name  string // of the instance
	model string // "" for the registry
	path  string
}

// registryProgram is what the registry's program is called.
const registryProgram = "registry"

// programs returns all that the run consists of, in the order of
// [Run.Instances].
func (r *Run) programs() []program {
	var all []program
	if r.cfg.Registry {
		all = append(all, program{name: registryProgram, path: r.path(registryProgram)})
	}
	for _, name := range r.cfg.Network {
		all = append(all, program{name: name, model: name, path: r.path(name)})
	}
	for _, model := range r.cfg.Models {
		for i := range r.cfg.Replicas {
			name := model
			if r.cfg.Replicas > 1 {
				name = fmt.Sprintf("%s-%d", model, i+1)
			}
			all = append(all, program{name: name, model: model, path: r.path(model)})
		}
	}
	return all
}

// functions are the components and models that have params.
func (r *Run) functions() []string { return append(slices.Clone(r.cfg.Network), r.cfg.Models...) }

// path is where a program lies.
func (r *Run) path(program string) string { return filepath.Join(r.cfg.Programs, program) }

// env returns the environment of a program that listens on a port. What the run
// sets comes last, and so goes before what it was started with.
func (r *Run) env(p program, port int) []string {
	env := append(r.cfg.Env[:len(r.cfg.Env):len(r.cfg.Env)],
		"HOST=127.0.0.1", fmt.Sprintf("PORT=%d", port), "ADMIN_PORT=0",
		"K_REVISION=local",
		"DRAIN_DELAY=0s", // the gateway sends a request that came too late to another
		"TOKENS_PATH="+r.cfg.Tokens,
	)
	if p.model == "" {
		return append(env, "STORE_URL="+(&url.URL{Scheme: "file", Path: filepath.Join(r.cfg.Folder, "registry")}).String(),
			"K_SERVICE="+registryProgram, "K_SINK="+r.broker.url(), "K_CE_OVERRIDES=", "NAMESPACE=local")
	}
	env = append(env, "K_SERVICE="+p.model, "PARAMS_URL="+r.RegistryURL(), "PARAMS_PATH="+r.Bundles(), "PARAMS_VERSION=", "PARAMS_FALLBACK=")
	for _, component := range r.cfg.Network {
		if component != p.model {
			env = append(env, urlVariable(component)+"="+r.list.url(component))
		}
	}
	return env
}

// urlVariable is the variable by which a model finds a component that runs as a
// program of its own.
func urlVariable(component string) string {
	return strings.ToUpper(strings.ReplaceAll(component, "-", "_")) + "_URL"
}

// RegistryURL is where the registry answers, http://127.0.0.1:port; "" before it was
// started, and without one.
func (r *Run) RegistryURL() string {
	if !r.cfg.Registry {
		return ""
	}
	return r.list.url(registryProgram)
}
