package framework

import (
	"strings"
	"time"

	"github.com/modelfn/modelfn/framework/env"
	"github.com/modelfn/modelfn/framework/params"
	"github.com/modelfn/modelfn/framework/serve"
)

// Settings configure a replica. [SettingsFrom] reads them from the environment.
type Settings struct {
	// Settings are those of the server. Without TokensPath and Tokens, evaluating
	// params is free on a loopback address, and nowhere else. The file may come
	// later, if its folder is there; until then nobody may.
	serve.Settings

	// Tokens (TOKENS) are the lines of a token file themselves, in its place. They
	// are as they were at the start; but on Kubernetes a pod that mounts a file
	// starts a third of a second later than one that mounts none.
	Tokens string

	// ParamsURL (PARAMS_URL) is the registry that the model's params come from. It
	// is watched, and asked every ParamsPoll (PARAMS_POLL, 10 s) beside.
	ParamsURL string

	// ParamsPath (PARAMS_PATH) is a bundle, or a folder with <model>.json. Without
	// a registry it is the source, and its content is looked at every ParamsPoll
	// (1 s then). With one it is the fallback: it serves if the registry was away
	// for ParamsStartTimeout (PARAMS_START_TIMEOUT, 2 s) at the start, until the
	// registry answers. NoFallback (PARAMS_FALLBACK=none) turns that off.
	ParamsPath         string
	ParamsPoll         time.Duration
	ParamsStartTimeout time.Duration
	NoFallback         bool

	// ParamsVersion (PARAMS_VERSION) pins the model to one version of the
	// registry; 0 follows what is current. ParamsDigest (PARAMS_DIGEST) says which
	// document that has to be: without it the registry is believed, and so is the
	// number that a fallback bears.
	ParamsVersion int64
	ParamsDigest  string

	// Components has the URLs of the components that run as functions of their
	// own, by name: COMPONENT_D_URL for component-d. All others run in the process.
	Components map[string]string
}

// SettingsFrom reads the settings of a program with certain components from its
// environment. It reports everything that is wrong, by the variable's name.
func SettingsFrom(getenv func(string) string, components ...string) (Settings, error) {
	return settingsFrom(getenv, false, components)
}

// settingsFrom is [SettingsFrom] for a program that may have params baked into it.
func settingsFrom(getenv func(string) string, baked bool, components []string) (Settings, error) {
	e := &env.Reader{Get: getenv}
	s := Settings{
		Settings:      serve.SettingsFrom(e),
		Tokens:        getenv("TOKENS"),
		ParamsURL:     e.URL("PARAMS_URL"),
		ParamsPath:    getenv("PARAMS_PATH"),
		ParamsVersion: e.Integer("PARAMS_VERSION", 0, 1, 1<<53),
		ParamsDigest:  getenv("PARAMS_DIGEST"),
		Components:    map[string]string{},
	}
	s.readParams(e)
	if s.ParamsURL == "" && s.ParamsPath == "" && !baked {
		e.Problems.Add("PARAMS_PATH", "not set, nor is PARAMS_URL: one of them says where the params come from")
	}
	if s.Tokens != "" && s.TokensPath != "" {
		e.Problems.Add("TOKENS", "set together with TOKENS_PATH, whose place it takes")
	}
	for _, name := range components {
		if url := e.URL(urlVariable(name)); url != "" {
			s.Components[name] = url
		}
	}
	return s, e.Err()
}

// readParams reads where the params come from.
func (s *Settings) readParams(e *env.Reader) {
	poll := time.Second
	if s.ParamsURL != "" {
		poll = 10 * time.Second
	}
	s.ParamsPoll = e.Duration("PARAMS_POLL", poll, 10*time.Millisecond)
	s.ParamsStartTimeout = e.Duration("PARAMS_START_TIMEOUT", 2*time.Second, time.Millisecond)
	switch v := e.Get("PARAMS_FALLBACK"); v {
	case "":
	case "none":
		s.NoFallback = true
	default:
		e.Problems.Add("PARAMS_FALLBACK", "%q is not none", v)
	}
	if s.ParamsURL == "" && s.ParamsVersion > 0 {
		e.Problems.Add("PARAMS_VERSION", "set without PARAMS_URL: only a registry has versions")
	}
	switch d := s.ParamsDigest; {
	case d != "" && !params.IsDigest(d):
		e.Problems.Add("PARAMS_DIGEST", "%q is not sha256: and 64 hexadecimal digits", d)
	case d != "" && s.ParamsVersion == 0:
		e.Problems.Add("PARAMS_DIGEST", "set without PARAMS_VERSION, which it belongs to")
	}
}

// pin names what the model is pinned to.
func (s *Settings) pin() params.Pin {
	return params.Pin{Version: s.ParamsVersion, Digest: s.ParamsDigest}
}

// urlVariable is the variable that holds the URL of a component.
func urlVariable(component string) string {
	return strings.ToUpper(strings.ReplaceAll(component, "-", "_")) + "_URL"
}
