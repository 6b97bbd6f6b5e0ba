package function

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/modelfn/modelfn/framework/params"
)

// candidate is what Knative puts before a function's name, in that of its newest
// revision's route while another one has the traffic.
const candidate = "candidate-"

// longestName leaves room, in a DNS label, for what Knative puts before and behind a
// name: [candidate], and the number of a revision.
const longestName = 52

// taken are names that the platform's own functions and files have, here and in
// knative/config.
var taken = []string{"bucket", "console", "dead-letter", "gateway", "registry"}

var (
	reference = regexp.MustCompile(`^[a-z0-9A-Z][-.a-z0-9A-Z]*(:[0-9]+)?(/[-._a-z0-9]+)*(:[\w][-.\w]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	koForm    = regexp.MustCompile(`^ko://[-./~\w]+$`)
	variable  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	cpuForm   = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,3})?)(m?)$`)
	byteForm  = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{1,3})?)(Ki|Mi|Gi|Ti|k|M|G|T)?$`)
)

// units are what the letters behind a quantity stand for.
var units = map[string]float64{
	"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
}

// settings are the variables that are not the file's to set, and what sets them.
var settings = map[string]string{
	"PORT": "the platform", "HOST": "the platform", "ADMIN_PORT": "the platform",
	"TOKENS": "the platform", "TOKENS_PATH": "the platform", "PARAMS_URL": "the platform", "PARAMS_PATH": "the image",
	"PARAMS_VERSION": "the field params.version", "PARAMS_DIGEST": "the field params.digest", "REQUEST_TIMEOUT": "the field timeoutSeconds",
}

// CheckImage says what is wrong with the name of an image.
func CheckImage(image string) error {
	if reference.MatchString(image) || koForm.MatchString(image) {
		return nil
	}
	return fmt.Errorf("%q is neither a reference, such as registry.local:5000/model-a, nor ko:// and an import path", image)
}

// complete fills in the defaults that depend on what is there.
func (s *Spec) complete() {
	s.Program = cmp.Or(s.Program, s.Name)
	r := &s.Resources
	// What is asked for is not above a limit that was set, nor the other way round.
	if r.Requests.CPU == "" {
		r.Requests.CPU = lower(cpuForm, requestCPU, r.Limits.CPU)
	}
	if r.Requests.Memory == "" {
		r.Requests.Memory = lower(byteForm, requestMemory, r.Limits.Memory)
	}
	if r.Limits.Memory == "" {
		r.Limits.Memory = limitMemory
		if quantity(byteForm, r.Requests.Memory) > quantity(byteForm, limitMemory) {
			r.Limits.Memory = r.Requests.Memory
		}
	}
}

// lower returns the default, or the limit if there is one below it.
func lower(form *regexp.Regexp, otherwise, limit string) string {
	if q := quantity(form, limit); q > 0 && q < quantity(form, otherwise) {
		return limit
	}
	return otherwise
}

// quantity is what a text of a form stands for; 0 if it has another form.
func quantity(form *regexp.Regexp, text string) float64 {
	match := form.FindStringSubmatch(text)
	if match == nil {
		return 0
	}
	f, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		return 0
	}
	return f * units[match[2]]
}

// check notes what each field alone cannot tell: problems with what it means.
func (s *Spec) check(problem func(path, format string, args ...any)) {
	switch {
	case !params.IsName(s.Name) || len(s.Name) > longestName:
		problem("name", "%q is not a name: it takes up to %d of a-z, 0-9 and -, from a letter on", s.Name, longestName)
	case slices.Contains(taken, s.Name):
		problem("name", "%s is the platform's own", s.Name)
	case strings.HasPrefix(s.Name, candidate):
		problem("name", "%s is where the candidate of %s answers", s.Name, strings.TrimPrefix(s.Name, candidate))
	}
	if err := CheckImage(s.Image); s.Image != "" && err != nil {
		problem("image", "%v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Components)) {
		switch {
		case !params.IsName(name):
			problem("components."+name, "not the name of a component")
		case name == s.Name:
			problem("components."+name, "the function itself")
		}
	}
	switch d := s.Params.Digest; {
	case d != "" && !params.IsDigest(d):
		problem("params.digest", "%q is not sha256: and 64 hexadecimal digits", d)
	case d != "" && !s.Pinned():
		problem("params.digest", "set without params.version, which it belongs to")
	}
	if s.Scale.Min > s.Scale.Max {
		problem("scale.min", "%d is more than scale.max, %d", s.Scale.Min, s.Scale.Max)
	}
	if c := s.Concurrency; c > 0 && s.Scale.Metric == Concurrency && s.Scale.Target > c {
		problem("scale.target", "%d is more than concurrency, %d: there would never be so many", s.Scale.Target, c)
	}
	s.Resources.check(problem)
	s.checkEnv(problem)
}

func (r *Resources) check(problem func(path, format string, args ...any)) {
	one := func(path string, form *regexp.Regexp, text, example string) float64 {
		q := quantity(form, text)
		if text != "" && q == 0 {
			problem(path, "%q is not an amount above 0, such as %s", text, example)
		}
		return q
	}
	for _, kind := range []struct {
		name           string
		form           *regexp.Regexp
		request, limit string
		example        string
	}{
		{"cpu", cpuForm, r.Requests.CPU, r.Limits.CPU, "500m"},
		{"memory", byteForm, r.Requests.Memory, r.Limits.Memory, "64Mi"},
	} {
		request := one("resources.requests."+kind.name, kind.form, kind.request, kind.example)
		limit := one("resources.limits."+kind.name, kind.form, kind.limit, kind.example)
		if limit > 0 && request > limit {
			problem("resources.requests."+kind.name, "%s is more than the limit, %s", kind.request, kind.limit)
		}
	}
}

func (s *Spec) checkEnv(problem func(path, format string, args ...any)) {
	urls := map[string]string{}
	for name := range s.Components {
		urls[URLVariable(name)] = name
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		path := "env." + name
		component, isURL := urls[name]
		owner, isSetting := settings[name]
		switch {
		case !variable.MatchString(name):
			problem(path, "not the name of a variable: letters, digits and _, not from a digit on")
		case strings.HasPrefix(name, "K_"):
			problem(path, "Knative's own")
		case isSetting:
			problem(path, "%s sets it", owner)
		case isURL:
			problem(path, "the field components.%s sets it", component)
		}
	}
}
