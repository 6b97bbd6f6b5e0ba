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
)

// Who gets to which port of a function.
func TestNetwork(t *testing.T) {
	const (
		proxy, program, queue, admin = 8012, 8080, 9091, 9095
	)
	ingress := map[string]string{"dev": "traefik", "production": "kourier-system"}
	for overlay, gateway := range ingress {
		all := render(t, overlay)
		for from, want := range map[string][]int32{
			gateway:           {proxy, queue},
			"knative-serving": {proxy, queue},
			"monitoring":      {queue, admin},
			"elsewhere":       nil,
		} {
			var got []int32
			for _, port := range []int32{proxy, program, queue, admin} {
				if reaches(t, all, peer{namespace: from}, port) {
					got = append(got, port)
				}
			}
			assert.Equal(t, want, got, "%s from %s", overlay, from)
		}
	}
	// So that why a program is not ready can be asked for: the API server asks it.
	assert.True(t, reaches(t, render(t, "dev"), peer{address: "198.18.0.1"}, program))
	assert.False(t, reaches(t, render(t, "dev"), peer{address: "198.18.0.2"}, program))
}

// peer is who asks: a pod of a namespace, or somebody at an address.
type peer struct{ namespace, address string }

// in reports whether a rule is about the peer.
func (p peer) in(t *testing.T, rule networkingv1.NetworkPolicyPeer) bool {
	t.Helper()
	switch {
	case rule.IPBlock != nil && p.address != "":
		return netip.MustParsePrefix(rule.IPBlock.CIDR).Contains(netip.MustParseAddr(p.address))
	case rule.NamespaceSelector != nil && p.namespace != "":
		return selects(t, rule.NamespaceSelector, labels.Set{"kubernetes.io/metadata.name": p.namespace})
	}
	return false
}

// reaches reports whether the policies let a peer through to a port of a function.
func reaches(t *testing.T, all objects, from peer, port int32) bool {
	t.Helper()
	for _, object := range all {
		policy, ok := object.(*networkingv1.NetworkPolicy)
		if !ok || !selects(t, &policy.Spec.PodSelector, labels.Set{"serving.knative.dev/service": "model-a"}) {
			continue
		}
		for _, rule := range policy.Spec.Ingress {
			to := slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntVal == port })
			if to && slices.ContainsFunc(rule.From, func(r networkingv1.NetworkPolicyPeer) bool { return from.in(t, r) }) {
				return true
			}
		}
	}
	return false
}

func selects(t *testing.T, s *metav1.LabelSelector, set labels.Set) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	require.NoError(t, err)
	return selector.Matches(set)
}
