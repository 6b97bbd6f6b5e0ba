package manifest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventing "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	duck "knative.dev/pkg/apis/duck/v1"
	serving "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/framework/events"
	"github.com/modelfn/modelfn/knative/function"
)

// trigger brings the function the events of its own params. How often they are tried
// again, and where the lost ones go, is the Broker's to say.
func (c *Config) trigger(spec function.Spec) *eventing.Trigger {
	return &eventing.Trigger{
		TypeMeta:   metav1.TypeMeta{APIVersion: eventing.SchemeGroupVersion.String(), Kind: "Trigger"},
		ObjectMeta: metav1.ObjectMeta{Name: spec.Name + "-params", Namespace: c.Namespace, Labels: labels(spec.Name)},
		Spec: eventing.TriggerSpec{
			Broker: c.Broker,
			Filter: &eventing.TriggerFilter{Attributes: eventing.TriggerFilterAttributes{
				"type": events.ParamsChanged, "subject": spec.Name,
			}},
			Subscriber: duck.Destination{
				Ref: &duck.KReference{APIVersion: serving.SchemeGroupVersion.String(), Kind: "Service", Name: spec.Name},
				URI: &apis.URL{Path: "/events"},
			},
		},
	}
}
