// Package config has the Kubernetes objects around functions, as kustomize takes
// them. Its test lets Knative's own code and Kubernetes' types check all of it.
package config

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	brokers "knative.dev/eventing/pkg/apis/eventing"
	eventing "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	serving "knative.dev/serving/pkg/apis/serving/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/modelfn/modelfn/framework/token"
	"github.com/modelfn/modelfn/knative/function"
	"github.com/modelfn/modelfn/knative/manifest"
)

// objects are those of an overlay, by kind and name.
type objects map[string]any

func TestOverlays(t *testing.T) {
	for _, overlay := range []string{"dev", "production"} {
		t.Run(overlay, func(t *testing.T) {
			all := render(t, overlay)
			for name, object := range all {
				valid(t, name, object)
			}
			for _, name := range []string{"registry", "console", "dead-letter"} {
				restricted(t, name, get[*serving.Service](t, all, "Service.serving.knative.dev/"+name).Spec.Template.Spec.PodSpec)
			}
			registry := get[*serving.Service](t, all, "Service.serving.knative.dev/registry")
			require.Equal(t, "cluster-local", registry.Labels["networking.knative.dev/visibility"])
			settings := get[*corev1.ConfigMap](t, all, "ConfigMap/"+registry.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name)
			require.NotEmpty(t, settings.Data["STORE_URL"])
			require.True(t, strings.HasSuffix(settings.Data["K_SINK"], "/modelfn/default"), "the address of the Broker")
			broker := get[*eventing.Broker](t, all, "Broker.eventing.knative.dev/default")
			sink := broker.Spec.Delivery.DeadLetterSink.Ref
			require.Contains(t, all, "Service.serving.knative.dev/"+sink.Name)
		})
	}
}

// What the overlay for development brings fits together.
func TestDev(t *testing.T) {
	all := render(t, "dev")
	tokens := get[*corev1.Secret](t, all, "Secret/"+manifest.TokensSecret)
	path := t.TempDir() + "/tokens"
	require.NoError(t, os.WriteFile(path, tokens.Data["tokens"], 0o600))
	file, err := token.Open(path)
	require.NoError(t, err)
	owner, ok := file.Owner("dev-token")
	require.True(t, ok)
	require.Equal(t, "dev", owner)

	bucket := get[*appsv1.Deployment](t, all, "Deployment.apps/bucket")
	restricted(t, "bucket", bucket.Spec.Template.Spec)
	registry := get[*serving.Service](t, all, "Service.serving.knative.dev/registry")
	keys := registry.Spec.Template.Spec.Containers[0].EnvFrom[1].SecretRef.Name
	require.Contains(t, all, "Secret/"+keys)
	for _, env := range bucket.Spec.Template.Spec.Containers[0].Env {
		require.Equal(t, keys, env.ValueFrom.SecretKeyRef.Name, "the bucket and the registry have the same keys")
	}
	for name, object := range all {
		if service, ok := object.(*serving.Service); ok {
			require.NotContains(t, service.Spec.Template.Spec.Containers[0].Image, "ko://", name)
		}
	}
}

// The console and a deployer may do what their code asks for, and the others nothing.
func TestRights(t *testing.T) {
	all := render(t, "production")
	for name, object := range all {
		if binding, ok := object.(*rbacv1.RoleBinding); ok {
			require.Equal(t, "console", binding.RoleRef.Name, name)
		}
		_, everywhere := object.(*rbacv1.ClusterRole)
		require.False(t, everywhere, name)
	}
	for role, want := range map[string][]string{
		"console": {"services.serving.knative.dev list watch patch", "revisions.serving.knative.dev list watch", "pods list watch"},
		"deployer": {
			"services.serving.knative.dev get list watch create patch delete", "revisions.serving.knative.dev list watch",
			"triggers.eventing.knative.dev get create patch delete", "pods list watch", "pods/log get", "pods/proxy get",
		},
	} {
		var got []string
		for _, rule := range get[*rbacv1.Role](t, all, "Role.rbac.authorization.k8s.io/"+role).Rules {
			require.Len(t, rule.APIGroups, 1, role)
			for _, resource := range rule.Resources {
				got = append(got, strings.TrimSuffix(resource+"."+rule.APIGroups[0], ".")+" "+strings.Join(rule.Verbs, " "))
			}
		}
		assert.Equal(t, want, got, role)
	}
	// Each part is someone of its own: what is given to one, such as a bucket, is not
	// given to another.
	for _, name := range []string{"registry", "console", "dead-letter"} {
		pod := get[*serving.Service](t, all, "Service.serving.knative.dev/"+name).Spec.Template.Spec
		require.Equal(t, name, pod.ServiceAccountName)
		account := get[*corev1.ServiceAccount](t, all, "ServiceAccount/"+name)
		if name != "console" { // which asks the cluster
			require.False(t, *account.AutomountServiceAccountToken, name)
			require.False(t, *pod.AutomountServiceAccountToken, name)
		}
	}
}

// A function cannot have the name of what is there already: it would take its place, or
// the Service that Knative makes for it would.
func TestNamesAreTaken(t *testing.T) {
	for _, overlay := range []string{"dev", "production"} {
		for name, object := range render(t, overlay) {
			switch object.(type) {
			case *serving.Service, *corev1.Service:
				_, own, _ := strings.Cut(name, "/")
				_, err := function.Parse("function.yaml", []byte("name: "+own))
				assert.ErrorContains(t, err, "name: "+own+" is the platform's own", name)
			}
		}
	}
}

// render returns the objects of an overlay, as kubectl kustomize would print them.
func render(t *testing.T, overlay string) objects {
	t.Helper()
	return renderIn(t, filesys.MakeFsOnDisk(), "overlays/"+overlay)
}

func renderIn(t *testing.T, files filesys.FileSystem, folder string) objects {
	t.Helper()
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, folder)
	require.NoError(t, err)
	all := objects{}
	for _, r := range rendered.Resources() {
		text, err := r.AsYAML()
		require.NoError(t, err)
		gvk := r.GetGvk()
		name := gvk.Kind + "/" + r.GetName()
		if gvk.Group != "" {
			name = gvk.Kind + "." + gvk.Group + "/" + r.GetName()
		}
		object := newObject(t, gvk.Kind, gvk.Group)
		require.NoError(t, yaml.UnmarshalStrict(text, object), name)
		all[name] = object
		if gvk.Kind != "Namespace" {
			require.Equal(t, "modelfn", r.GetNamespace(), name)
		}
	}
	return all
}

func newObject(t *testing.T, kind, group string) any {
	t.Helper()
	switch kind + "." + group {
	case "Namespace.":
		return &corev1.Namespace{}
	case "ServiceAccount.":
		return &corev1.ServiceAccount{}
	case "ConfigMap.":
		return &corev1.ConfigMap{}
	case "Secret.":
		return &corev1.Secret{}
	case "Service.":
		return &corev1.Service{}
	case "Deployment.apps":
		return &appsv1.Deployment{}
	case "Role.rbac.authorization.k8s.io":
		return &rbacv1.Role{}
	case "RoleBinding.rbac.authorization.k8s.io":
		return &rbacv1.RoleBinding{}
	case "NetworkPolicy.networking.k8s.io":
		return &networkingv1.NetworkPolicy{}
	case "Broker.eventing.knative.dev":
		return &eventing.Broker{}
	case "Service.serving.knative.dev":
		return &serving.Service{}
	}
	t.Fatalf("no check for a %s of %q", kind, group)
	return nil
}

func get[T any](t *testing.T, all objects, name string) T {
	t.Helper()
	require.Contains(t, all, name)
	object, ok := all[name].(T)
	require.True(t, ok, name)
	return object
}

// valid lets Knative's webhooks, and what Kubernetes has as a library, check an object.
func valid(t *testing.T, name string, object any) {
	t.Helper()
	ctx := apis.WithinCreate(context.Background())
	switch o := object.(type) {
	case *serving.Service:
		assert.Empty(t, o.Spec.Traffic, "%s: whoever deploys moves the traffic", name)
		assert.NotContains(t, o.Labels, manifest.ModelLabel, "%s is no model", name)
		o = o.DeepCopy()
		container := &o.Spec.Template.Spec.Containers[0]
		container.Image = strings.TrimPrefix(container.Image, "ko://")
		o.SetDefaults(ctx)
		assert.Nil(t, o.Validate(ctx).Filter(apis.ErrorLevel), name)
	case *eventing.Broker:
		o = o.DeepCopy()
		o.SetDefaults(ctx)
		if o.Annotations[brokers.BrokerClassKey] == "" { // then the cluster says it
			metav1.SetMetaDataAnnotation(&o.ObjectMeta, brokers.BrokerClassKey, brokers.MTChannelBrokerClassValue)
		}
		assert.Nil(t, o.Validate(ctx).Filter(apis.ErrorLevel), name)
	case *networkingv1.NetworkPolicy:
		policy(t, name, o)
	}
}

// policy checks the selectors and ports of a NetworkPolicy.
func policy(t *testing.T, name string, p *networkingv1.NetworkPolicy) {
	t.Helper()
	selector := func(s *metav1.LabelSelector) {
		if s != nil {
			_, err := metav1.LabelSelectorAsSelector(s)
			assert.NoError(t, err, name)
		}
	}
	require.NotEmpty(t, p.Spec.PolicyTypes, name)
	selector(&p.Spec.PodSelector)
	var peers []networkingv1.NetworkPolicyPeer
	var ports []networkingv1.NetworkPolicyPort
	for _, rule := range p.Spec.Ingress {
		require.Contains(t, p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress, name)
		peers, ports = append(peers, rule.From...), append(ports, rule.Ports...)
	}
	for _, rule := range p.Spec.Egress {
		require.Contains(t, p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress, name)
		peers, ports = append(peers, rule.To...), append(ports, rule.Ports...)
	}
	for _, peer := range peers {
		selector(peer.PodSelector)
		selector(peer.NamespaceSelector)
		if peer.IPBlock != nil {
			_, err := netip.ParsePrefix(peer.IPBlock.CIDR)
			assert.NoError(t, err, name)
		}
	}
	for _, port := range ports {
		assert.True(t, port.Port.IntValue() > 0 && port.Port.IntValue() < 1<<16, "%s: %v", name, port.Port)
	}
}

// restricted holds a pod to what the namespace enforces.
func restricted(t *testing.T, name string, pod corev1.PodSpec) {
	t.Helper()
	for _, container := range pod.Containers {
		context := container.SecurityContext
		require.NotNil(t, context, name)
		assert.True(t, *context.RunAsNonRoot, name)
		assert.False(t, *context.AllowPrivilegeEscalation, name)
		assert.True(t, *context.ReadOnlyRootFilesystem, name)
		assert.Equal(t, []corev1.Capability{"ALL"}, context.Capabilities.Drop, name)
		assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, context.SeccompProfile.Type, name)
	}
}
