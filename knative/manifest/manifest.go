package manifest

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"k8s.io/apimachinery/pkg/util/validation"
	"knative.dev/pkg/apis"
	serving "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/knative/function"
)

// What the objects of a function are known by.
const (
	// ModelLabel has the function's name. It is on the Service, its pods and the
	// Trigger; discovery finds functions by it.
	ModelLabel = "modelfn.dev/model"

	// DescriptionAnnotation has what the program prints with --describe, as JSON: so
	// that who asks for it need not wake the function. It is on the Service.
	DescriptionAnnotation = "modelfn.dev/description"

	// TokensSecret is the Secret with the file of those who may do what needs a
	// token, under the key "tokens". Without it nobody may. A replica has them as
	// they were when it started.
	TokensSecret = "modelfn-tokens"
)

// Config is what is not the function's own. The zero value is usable.
type Config struct {
	// Namespace is where the objects belong, and where the registry and the
	// components are; "modelfn" if empty.
	Namespace string

	// Broker is the one that the registry announces new params to; "default" if
	// empty.
	Broker string

	// Images go before those that the specs name, by function: references, by digest
	// where it is known.
	Images map[string]string

	// Descriptions are what the programs say they are, by function; one that is not
	// there, or longer than 64 KiB, is left out.
	Descriptions map[string]framework.Description
}

// Objects are those of one function.
type Objects struct {
	Service *serving.Service
	Trigger *Trigger // nil if no events are wanted
}

// New makes the objects of a function. They pass what the cluster would ask of them,
// or the error names the fields that do not.
func New(spec function.Spec, cfg Config) (*Objects, error) {
	cfg.Namespace = cmp.Or(cfg.Namespace, "modelfn")
	cfg.Broker = cmp.Or(cfg.Broker, "default")
	spec.Image = cmp.Or(cfg.Images[spec.Name], spec.Image)
	if err := cfg.check(spec); err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Name, err)
	}
	service, err := cfg.service(spec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Name, err)
	}
	o := &Objects{Service: service}
	if spec.Events {
		o.Trigger = cfg.trigger(spec)
	}
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Name, err)
	}
	return o, nil
}

// check reports what Knative's code does not look at.
func (c *Config) check(spec function.Spec) error {
	var p fault.Problems
	if spec.Image == "" {
		p.Add("image", "missing: the function's file names none, and neither do the images")
	} else if err := function.CheckImage(spec.Image); err != nil {
		p.Add("image", "%v", err)
	}
	if validation.IsDNS1123Label(c.Namespace) != nil {
		p.Add("namespace", "%q is not the name of a namespace: lower-case letters, digits and dashes", c.Namespace)
	}
	if wrong := validation.IsDNS1123Subdomain(c.Broker); wrong != nil {
		p.Add("broker", "%q: %s", c.Broker, wrong[0])
	}
	return p.Err()
}

// validate does what Knative's webhooks do when the objects are applied first, on
// copies.
func (o *Objects) validate() error {
	ctx := apis.WithinCreate(context.Background())
	service := o.Service.DeepCopy()
	for i := range service.Spec.Template.Spec.Containers {
		// ko puts the real reference there before a cluster sees it.
		image := &service.Spec.Template.Spec.Containers[i].Image
		*image = strings.TrimPrefix(*image, "ko://")
	}
	service.SetDefaults(ctx)
	wrong := service.Validate(ctx).ViaField("service")
	if o.Trigger != nil {
		wrong = wrong.Also(o.Trigger.Spec.Subscriber.Validate(ctx).ViaField("trigger", "spec", "subscriber"))
	}
	if wrong = wrong.Filter(apis.ErrorLevel); wrong != nil {
		return wrong
	}
	return nil
}

// labels are those of every object of a function.
func labels(name string) map[string]string {
	return map[string]string{
		ModelLabel:                     name,
		"app.kubernetes.io/name":       name,
		"app.kubernetes.io/component":  "model",
		"app.kubernetes.io/part-of":    "modelfn",
		"app.kubernetes.io/managed-by": "modelfn",
	}
}

// longestDescription keeps an object within the 256 KiB that all its annotations may
// have: kubectl keeps the whole object once more in another one, with every quote
// escaped.
const longestDescription = 64 << 10

// description returns the annotation of a function; "" for none.
func (c *Config) description(name string) (string, error) {
	d, ok := c.Descriptions[name]
	if !ok {
		return "", nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("the description: %w", err)
	}
	if len(text) > longestDescription {
		return "", nil
	}
	return string(text), nil
}
