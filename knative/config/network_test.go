package config

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Who gets to which port of a function.
func TestNetwork(t *testing.T) {
	const (
		proxy, program, queue, admin = 8012, 8080, 9091, 9095
	)
	ingress := map[string]string{"dev": "traefik", "production": "kourier-system"}
	for overlay, gateway := range ingress {
		in := rulesOf(t, render(t, overlay), "model-a", networkingv1.PolicyTypeIngress)
		for from, want := range map[peer][]int32{
			{namespace: gateway}:                       {proxy, queue},
			{namespace: "knative-serving"}:             {proxy, queue},
			{namespace: "monitoring"}:                  {queue, admin},
			{namespace: "elsewhere"}:                   nil,
			{namespace: "modelfn", service: "model-b"}: nil,
			{address: "198.18.0.2"}:                    nil,
		} {
			var got []int32
			for _, port := range []int32{proxy, program, queue, admin} {
				if in.let(t, from, port) {
					got = append(got, port)
				}
			}
			assert.Equal(t, want, got, "%s from %v", overlay, from)
		}
	}
	// So that why a program is not ready can be asked for: the API server asks it.
	in := rulesOf(t, render(t, "dev"), "model-a", networkingv1.PolicyTypeIngress)
	assert.True(t, in.let(t, peer{address: "198.18.0.1"}, program))
}

// Where each part gets to.
func TestNetworkOut(t *testing.T) {
	const (
		internet = "192.0.2.1"
		node     = "169.254.169.254" // an identity, on EC2, GCE and Azure
		eks      = "169.254.170.23"
		gke      = "169.254.169.252"
	)
	type target struct {
		to   peer
		port int32
	}
	var (
		names    = target{peer{namespace: "kube-system"}, 53}
		calls    = target{peer{namespace: "knative-serving"}, 8012}
		announce = target{peer{namespace: "knative-eventing"}, 8080}
		bucket   = target{peer{address: internet}, 443}
		server   = target{peer{address: internet}, 6443}
		identity = []target{{peer{address: node}, 80}, {peer{address: eks}, 80}, {peer{address: gke}, 988}}
		never    = []target{
			{peer{address: internet}, 53}, {peer{address: internet}, 80}, {peer{namespace: "kube-system"}, 80},
			{peer{namespace: "elsewhere"}, 8080}, {peer{namespace: "modelfn", service: "model-b"}, 8080},
		}
	)
	all := append(append([]target{names, calls, announce, bucket, server}, identity...), never...)
	production := map[string][]target{
		"model-a":  {names, calls},
		"console":  {names, calls, bucket, server},
		"registry": append([]target{names, calls, announce, bucket}, identity...),
	}
	for service, want := range production {
		out := rulesOf(t, render(t, "production"), service, networkingv1.PolicyTypeEgress)
		for _, one := range all {
			assert.Equal(t, slices.Contains(want, one), out.let(t, one.to, one.port), "%s to %v", service, one)
		}
	}
	out := rulesOf(t, render(t, "dev"), "registry", networkingv1.PolicyTypeEgress)
	assert.True(t, out.let(t, peer{namespace: "modelfn", name: "bucket"}, 7070))
	assert.False(t, out.let(t, peer{namespace: "elsewhere", name: "bucket"}, 7070))
	assert.True(t, out.let(t, peer{address: "198.18.0.1"}, 53), "the node of hack/cluster has its DNS")
}

// What a rule leaves out is open, and so these tests take it.
func TestOpenDoors(t *testing.T) {
	port := func(p networkingv1.NetworkPolicyPort) []networkingv1.NetworkPolicyPort {
		return []networkingv1.NetworkPolicyPort{p}
	}
	number, end := intstr.FromInt32(8000), int32(9000)
	from := []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}}
	for name, open := range map[string]rule{
		"any port":  {peers: from},
		"anybody":   {ports: port(networkingv1.NetworkPolicyPort{Port: &number, EndPort: &end})},
		"neighbour": {peers: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}},
		"protocol":  {peers: from, ports: port(networkingv1.NetworkPolicyPort{})},
	} {
		assert.True(t, rules{open}.let(t, peer{namespace: "modelfn", service: "model-b"}, 8080), name)
	}
	neighbours := rules{{peers: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}}
	assert.False(t, neighbours.let(t, peer{namespace: "elsewhere"}, 8080))
	all := objects{"open": &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}}}}
	assert.True(t, rulesOf(t, all, "model-a", networkingv1.PolicyTypeEgress).let(t, peer{address: "192.0.2.1"}, 53), "no policy is about it")
	assert.False(t, rulesOf(t, all, "model-a", networkingv1.PolicyTypeIngress).let(t, peer{address: "192.0.2.1"}, 53))
}

// peer is who asks or is asked: a pod of a namespace, or somebody at an address.
type peer struct{ namespace, service, name, address string }

// in reports whether a rule is about the peer.
func (p peer) in(t *testing.T, r networkingv1.NetworkPolicyPeer) bool {
	t.Helper()
	if r.IPBlock != nil {
		within := func(cidr string) bool {
			return netip.MustParsePrefix(cidr).Contains(netip.MustParseAddr(p.address))
		}
		return p.address != "" && within(r.IPBlock.CIDR) && !slices.ContainsFunc(r.IPBlock.Except, within)
	}
	if p.namespace == "" {
		return false
	}
	near := p.namespace == "modelfn"
	if r.NamespaceSelector != nil {
		near = selects(t, r.NamespaceSelector, labels.Set{"kubernetes.io/metadata.name": p.namespace})
	}
	set := labels.Set{"serving.knative.dev/service": p.service, "app.kubernetes.io/name": p.name}
	return near && (r.PodSelector == nil || selects(t, r.PodSelector, set))
}

// rule is one of a policy, of either way; rules are all that are about a pod.
type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

type rules []rule

// rulesOf returns the rules about the pods of a Service. Where no policy is about them, all
// is open.
func rulesOf(t *testing.T, all objects, service string, way networkingv1.PolicyType) (list rules) {
	t.Helper()
	isolated := false
	for _, object := range all {
		policy, ok := object.(*networkingv1.NetworkPolicy)
		if !ok || !slices.Contains(policy.Spec.PolicyTypes, way) ||
			!selects(t, &policy.Spec.PodSelector, labels.Set{"serving.knative.dev/service": service}) {
			continue
		}
		isolated = true
		if way == networkingv1.PolicyTypeIngress {
			for _, r := range policy.Spec.Ingress {
				list = append(list, rule{r.From, r.Ports})
			}
			continue
		}
		for _, r := range policy.Spec.Egress {
			list = append(list, rule{r.To, r.Ports})
		}
	}
	if !isolated {
		return rules{{}}
	}
	return list
}

// let reports whether the rules let a peer through at a port, by any protocol.
func (all rules) let(t *testing.T, p peer, port int32) bool {
	t.Helper()
	return slices.ContainsFunc(all, func(r rule) bool {
		return (len(r.ports) == 0 || slices.ContainsFunc(r.ports, func(has networkingv1.NetworkPolicyPort) bool {
			if has.Port == nil || has.Port.Type == intstr.String { // a name may be any's
				return true
			}
			last := has.Port.IntVal
			if has.EndPort != nil {
				last = *has.EndPort
			}
			return has.Port.IntVal <= port && port <= last
		})) && (len(r.peers) == 0 || slices.ContainsFunc(r.peers, func(other networkingv1.NetworkPolicyPeer) bool { return p.in(t, other) }))
	})
}

func selects(t *testing.T, s *metav1.LabelSelector, set labels.Set) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	require.NoError(t, err)
	return selector.Matches(set)
}
