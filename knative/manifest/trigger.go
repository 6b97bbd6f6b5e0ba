package manifest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	duck "knative.dev/pkg/apis/duck/v1"
	serving "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/knative/function"
)

// Trigger is one of Knative Eventing's, with the fields that one of ours has. Eventing's
// own type links all of client-go, more than half of the tool; it defaults and validates
// what is made here in the tests.
type Trigger struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              TriggerSpec `json:"spec"`
}

// TriggerSpec says which events of which Broker go where.
type TriggerSpec struct {
	Broker     string           `json:"broker"`
	Filter     TriggerFilter    `json:"filter"`
	Subscriber duck.Destination `json:"subscriber"`
}

// TriggerFilter has the values of the attributes that an event must have.
type TriggerFilter struct {
	Attributes map[string]string `json:"attributes"`
}

// trigger brings the function the events of its own params. How often they are tried
// again, and where the lost ones go, is the Broker's to say.
func (c *Config) trigger(spec function.Spec) *Trigger {
	return &Trigger{
		TypeMeta:   metav1.TypeMeta{APIVersion: "eventing.knative.dev/v1", Kind: "Trigger"},
		ObjectMeta: metav1.ObjectMeta{Name: spec.Name + "-params", Namespace: c.Namespace, Labels: labels(spec.Name)},
		Spec: TriggerSpec{
			Broker: c.Broker,
			Filter: TriggerFilter{Attributes: map[string]string{
				"type": events.ParamsChanged, "subject": spec.Name,
			}},
			Subscriber: duck.Destination{
				Ref: &duck.KReference{APIVersion: serving.SchemeGroupVersion.String(), Kind: "Service", Name: spec.Name},
				URI: &apis.URL{Path: "/events"},
			},
		},
	}
}
