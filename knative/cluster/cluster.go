package cluster

import (
	"cmp"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // a kubeconfig may ask for it
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// Names that tell our objects from others, and Knative's that lead to what belongs
// to a Service.
const (
	ModelLabel            = "modelfn.dev/model"            // names the model that a Service is
	DescriptionAnnotation = "modelfn.dev/description"      // says what it is for
	ManagedByLabel        = "app.kubernetes.io/managed-by" // is Manager on what is ours
	RegistryName          = "registry"                     // of the Service of the params registry

	ServiceLabel  = "serving.knative.dev/service"  // on revisions and pods
	RevisionLabel = "serving.knative.dev/revision" // on pods
	queueProxy    = "queue-proxy"                  // Knative's container in each pod
)

// Config says where the cluster is. The zero value is what kubectl would take: the
// file of KUBECONFIG or ~/.kube/config; within a pod, the pod's own cluster and
// namespace.
type Config struct {
	Kubeconfig string // a file
	Context    string // of the kubeconfig; its current one if empty
	Namespace  string // the context's if empty, and else "default"

	// Agent is what the program calls itself; "modelfn" if empty.
	Agent string
}

// Cluster is a connection to one namespace.
type Cluster struct {
	namespace     string
	core, serving *rest.RESTClient
}

// Connect reads the configuration. It does not yet talk to the cluster.
func Connect(cfg Config) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = cfg.Kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: cfg.Context}
	overrides.Context.Namespace = cfg.Namespace
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	found, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) || errors.Is(err, rest.ErrNotInCluster) {
		return nil, errors.New("no cluster is configured: KUBECONFIG or --kubeconfig names a file, as for kubectl")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	if validation.IsDNS1123Label(namespace) != nil {
		return nil, fmt.Errorf("%q is not the name of a namespace: lower-case letters, digits and dashes", namespace)
	}
	return open(found, namespace, cmp.Or(cfg.Agent, "modelfn"))
}

// open returns the connection that a client configuration stands for.
func open(cfg *rest.Config, namespace, agent string) (*Cluster, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), servingv1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	cfg = rest.CopyConfig(cfg)
	cfg.UserAgent = agent
	cfg.QPS = -1                           // the server has limits of its own
	cfg.WarningHandler = rest.NoWarnings{} // Apply returns them
	cfg.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c := &Cluster{namespace: namespace}
	for _, one := range []struct {
		client **rest.RESTClient
		path   string
		group  schema.GroupVersion
	}{
		{&c.core, "/api", corev1.SchemeGroupVersion},
		{&c.serving, "/apis", servingv1.SchemeGroupVersion},
	} {
		cfg.APIPath, cfg.GroupVersion = one.path, &one.group
		client, err := rest.RESTClientFor(cfg)
		if err != nil {
			return nil, fmt.Errorf("the cluster's configuration: %w", err)
		}
		*one.client = client
	}
	return c, nil
}

// Namespace is where the cluster's functions are looked for.
func (c *Cluster) Namespace() string { return c.namespace }
