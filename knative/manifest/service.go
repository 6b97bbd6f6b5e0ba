package manifest

import (
	"maps"
	"math"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"knative.dev/serving/pkg/apis/autoscaling"
	serving "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/function"
)

const (
	containerName = "user-container" // as Knative would call it, and people look for its logs
	port          = 8080
	adminPort     = "9095"
	tokensKey     = "tokens"
	shortestDrain = 60 // seconds; Knative's own drain takes 30 of them

	visibilityLabel = "networking.knative.dev/visibility"
)

func (c *Config) service(spec function.Spec) (*serving.Service, error) {
	description, err := c.description(spec.Name)
	if err != nil {
		return nil, err
	}
	container, err := c.container(spec)
	if err != nil {
		return nil, err
	}
	service := &serving.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: serving.SchemeGroupVersion.String(), Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: spec.Name, Namespace: c.Namespace, Labels: labels(spec.Name)},
	}
	if spec.Visibility == function.ClusterLocal {
		service.Labels[visibilityLabel] = string(function.ClusterLocal)
	}
	if description != "" {
		service.Annotations = map[string]string{DescriptionAnnotation: description}
	}
	service.Spec.Template = serving.RevisionTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels(spec.Name), Annotations: annotations(spec)},
		Spec: serving.RevisionSpec{
			PodSpec: corev1.PodSpec{
				AutomountServiceAccountToken: new(false), // it asks nothing of the cluster
				Containers:                   []corev1.Container{container},
			},
			ContainerConcurrency: new(int64(spec.Concurrency)),
			TimeoutSeconds:       new(max(shortestDrain, int64(math.Ceil(spec.Timeout)))),
		},
	}
	return service, nil
}

// annotations are those of the revisions: how they are scaled, and where their
// metrics are.
func annotations(spec function.Spec) map[string]string {
	all := map[string]string{
		autoscaling.MinScaleAnnotationKey: strconv.Itoa(spec.Scale.Min),
		autoscaling.MaxScaleAnnotationKey: strconv.Itoa(spec.Scale.Max),
		autoscaling.MetricAnnotationKey:   string(spec.Scale.Metric),
		"prometheus.io/scrape":            "true",
		"prometheus.io/port":              adminPort,
		"prometheus.io/path":              "/metrics",
	}
	if spec.Scale.Target > 0 {
		all[autoscaling.TargetAnnotationKey] = strconv.Itoa(spec.Scale.Target)
	}
	if spec.Scale.Window > 0 {
		all[autoscaling.WindowAnnotationKey] = strconv.Itoa(spec.Scale.Window) + "s"
	}
	return all
}

func (c *Config) container(spec function.Spec) (corev1.Container, error) {
	requests, err := amounts(spec.Resources.Requests)
	if err != nil {
		return corev1.Container{}, err
	}
	limits, err := amounts(spec.Resources.Limits)
	if err != nil {
		return corev1.Container{}, err
	}
	return corev1.Container{
		Name:  containerName,
		Image: spec.Image,
		Ports: []corev1.ContainerPort{{ContainerPort: port}},
		Env:   c.env(spec),
		ReadinessProbe: &corev1.Probe{
			ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health/ready", Port: intstr.FromInt32(port)}},
		},
		Resources: corev1.ResourceRequirements{Requests: requests, Limits: limits},
		SecurityContext: &corev1.SecurityContext{
			RunAsNonRoot:             new(true),
			AllowPrivilegeEscalation: new(false),
			ReadOnlyRootFilesystem:   new(true),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
	}, nil
}

func amounts(a function.Amounts) (corev1.ResourceList, error) {
	list := corev1.ResourceList{}
	for name, text := range map[corev1.ResourceName]string{corev1.ResourceCPU: a.CPU, corev1.ResourceMemory: a.Memory} {
		if text == "" {
			continue
		}
		q, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, err
		}
		list[name] = q
	}
	return list, nil
}

// env returns the environment, in the order of the names, and the tokens last: not as a
// file, as a pod without volumes starts a third of a second earlier. Where the params are
// in the image, it is the image that says so.
func (c *Config) env(spec function.Spec) []corev1.EnvVar {
	env := maps.Clone(spec.Env)
	if env == nil {
		env = map[string]string{}
	}
	env["PARAMS_URL"] = c.url("registry")
	env["REQUEST_TIMEOUT"] = spec.Deadline().String()
	if spec.Pinned() {
		env["PARAMS_VERSION"] = strconv.FormatInt(spec.Params.Version, 10)
	}
	if spec.Params.Digest != "" {
		env["PARAMS_DIGEST"] = spec.Params.Digest
	}
	for _, component := range spec.Network() {
		env[function.URLVariable(component)] = c.url(component)
	}
	list := make([]corev1.EnvVar, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, corev1.EnvVar{Name: name, Value: env[name]})
	}
	return append(list, corev1.EnvVar{Name: "TOKENS", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: TokensSecret}, Key: tokensKey, Optional: new(true),
	}}})
}

// url is where the cluster reaches another function of the namespace.
func (c *Config) url(name string) string {
	return "http://" + name + "." + c.Namespace + ".svc.cluster.local"
}
