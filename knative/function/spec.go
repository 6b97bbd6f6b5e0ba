package function

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Spec is what one function.yaml says, with its defaults filled in. [Parse] and
// [Load] make it; one that exists is valid.
type Spec struct {
	Name        string               `json:"name" doc:"The function's name: up to 52 characters of a-z, 0-9 and -, from a letter on."`
	Program     string               `json:"program,omitzero" doc:"The program: a name, which lies where the others are built to, or a path from the folder of this file. The function's name if it is not there."`
	Image       string               `json:"image,omitzero" doc:"The image that has the program in it: a reference, or ko:// and an import path."`
	Params      Params               `json:"params,omitzero" doc:"Where the function's params come from: it follows what is current in the registry if nothing else is said."`
	Components  map[string]Placement `json:"components,omitzero" enum:"process,network" doc:"The components that the function is built with, by name: each runs in its process, or is a function of its own that is called over the network."`
	Scale       Scale                `json:"scale,omitzero" doc:"How many replicas there are."`
	Concurrency int                  `json:"concurrency,omitzero" min:"0" max:"1000" doc:"How many requests one replica gets at once, the others wait; 0 is no limit, and the default."`
	Timeout     float64              `json:"timeoutSeconds,omitzero" unit:"s" min:"0.001" max:"600" doc:"The deadline of a request; 60 if it is not there."`
	Resources   Resources            `json:"resources,omitzero" doc:"What one replica may use."`
	Env         map[string]string    `json:"env,omitzero" doc:"The function's own environment variables, and settings of the framework such as LOG_LEVEL."`
	Visibility  Visibility           `json:"visibility,omitzero" enum:"public,cluster-local" doc:"From where the function can be reached: by all that the ingress lets in, the default, or from within the cluster alone, where the gateway is that leads to it."`
	Events      bool                 `json:"events,omitzero" doc:"Whether events announce new params to the function, which wakes it at zero; true if it is not there. Without events a replica that runs still follows the registry."`

	folder string // of the file
}

// Params says which params a function takes.
type Params struct {
	Version int64  `json:"version,omitzero" min:"1" max:"9007199254740992" doc:"The version that the function is pinned to; without it the function follows what is current."`
	Digest  string `json:"digest,omitzero" doc:"The digest that this version has to have, sha256: and 64 hexadecimal digits: the function runs nothing else. Nothing fills it in, as a manifest is made without a registry; 'modelfn params get MODEL --version N -o json' prints it. Without it the registry is believed, and of the params in the image their number."`
	Bundle  string `json:"bundle,omitzero" doc:"A file with params to begin with, a path from the folder of this file."`
}

// Placement is where a component runs.
type Placement string

// The placements.
const (
	InProcess   Placement = "process"
	OverNetwork Placement = "network"
)

// Visibility is from where a function can be reached.
type Visibility string

// The visibilities.
const (
	Public       Visibility = "public"
	ClusterLocal Visibility = "cluster-local"
)

// Scale bounds the number of replicas, and says when there are more.
type Scale struct {
	Min    int    `json:"min,omitzero" min:"0" max:"1000" doc:"The fewest replicas; 0, the default, lets the function go to zero when nobody asks it."`
	Max    int    `json:"max,omitzero" min:"1" max:"1000" doc:"The most replicas; 10 if it is not there."`
	Metric Metric `json:"metric,omitzero" enum:"concurrency,rps" doc:"What is counted: the requests that a replica has at once, the default, or those of a second."`
	Target int    `json:"target,omitzero" min:"1" max:"1000000" doc:"How many of these a replica should have; there are more replicas when it has more. Knative's default if it is not there."`
	Window int    `json:"windowSeconds,omitzero" unit:"s" min:"6" max:"3600" doc:"How far back is counted, and so how long nobody asks before the function goes to zero. Knative's default, 60, if it is not there."`
}

// Metric is what replicas are scaled by.
type Metric string

// The metrics.
const (
	Concurrency Metric = "concurrency"
	Requests    Metric = "rps"
)

// Resources are what a replica asks for, and what it may use at most.
type Resources struct {
	Requests Amounts `json:"requests,omitzero" doc:"What is kept for a replica: 25m and 32Mi if nothing else is said."`
	Limits   Amounts `json:"limits,omitzero" doc:"What a replica may use at most: memory is 128Mi, or what is asked for if that is more; cpu has no limit."`
}

// Amounts are quantities as Kubernetes writes them; "" is none.
type Amounts struct {
	CPU    string `json:"cpu,omitzero" doc:"Processors: 1, 0.5 or 500m, in quotes if it is a plain number."`
	Memory string `json:"memory,omitzero" doc:"Bytes: 64Mi, 1Gi."`
}

// What a replica asks for and may use if its file says nothing of it.
const (
	requestCPU    = "25m"
	requestMemory = "32Mi"
	limitMemory   = "128Mi"
)

// defaults returns what a file that says nothing stands for, but for what depends on
// other fields, see [Spec.complete].
func defaults() Spec {
	return Spec{Scale: Scale{Max: 10, Metric: Concurrency}, Timeout: 60, Visibility: Public, Events: true}
}

// Named returns what a file that says no more than a name stands for.
func Named(name string) Spec {
	s := defaults()
	s.Name = name
	s.complete()
	return s
}

// Pinned reports whether the function stays with one version of its params.
func (s *Spec) Pinned() bool { return s.Params.Version > 0 }

// Deadline is that of a request.
func (s *Spec) Deadline() time.Duration { return time.Duration(s.Timeout * float64(time.Second)) }

// Network returns the components that are called over the network, in order.
func (s *Spec) Network() []string {
	names := slices.Sorted(maps.Keys(s.Components))
	return slices.DeleteFunc(names, func(name string) bool { return s.Components[name] != OverNetwork })
}

// ProgramPath is where the function's program lies if others are built into a
// folder.
func (s *Spec) ProgramPath(built string) string {
	if strings.ContainsRune(s.Program, '/') {
		return s.path(s.Program)
	}
	return filepath.Join(built, s.Program)
}

// BundlePath is where the params to begin with lie; "" if the file names none.
func (s *Spec) BundlePath() string {
	if s.Params.Bundle == "" {
		return ""
	}
	return s.path(s.Params.Bundle)
}

// path is one that the file names.
func (s *Spec) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.folder, name)
}

// URLVariable is the variable by which a function finds a component that is called
// over the network: COMPONENT_D_URL for component-d.
func URLVariable(component string) string {
	return strings.ToUpper(strings.ReplaceAll(component, "-", "_")) + "_URL"
}
