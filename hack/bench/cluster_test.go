//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
	"sigs.k8s.io/yaml"

	"github.com/modelfn/modelfn/framework/params"
)

// What the cluster tells of a pod becomes the phases of a cold start, each seen once.
func TestPhases(t *testing.T) {
	w := &watch{seen: map[string]*podSeen{}}
	start := time.Now()
	w.follow(strings.NewReader(`
		{"metadata":{"name":"p","labels":{"serving.knative.dev/service":"s"}},"spec":{},"status":{}}
		{"metadata":{"name":"p"},"spec":{"nodeName":"n"},"status":{"conditions":[{"type":"PodReadyToStartContainers","status":"False"}]}}
		{"metadata":{"name":"p"},"spec":{"nodeName":"n"},"status":{"conditions":[{"type":"PodReadyToStartContainers","status":"True"}]}}
		{"metadata":{"name":"p"},"spec":{"nodeName":"n"},"status":{"conditions":[{"type":"Ready","status":"True"}],
			"containerStatuses":[{"name":"queue-proxy","started":true},{"name":"user-container","started":true}]}}`))
	last := start
	for _, p := range phases {
		at, err := w.reached(t.Context(), "s", p.name, start)
		require.NoError(t, err, p.name)
		require.False(t, at.Before(last), p.name)
		last = at
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.reached(ctx, "s", "pod ready", time.Now())
	require.ErrorContains(t, err, `the phase "pod ready" of s was not seen`, "it is one of before")
}

// The hello that a cold start is compared with mounts as little as a model: a volume, that
// of a token too, is waited for.
func TestHelloMountsNothing(t *testing.T) {
	var hello servingv1.Service
	require.NoError(t, yaml.UnmarshalStrict([]byte(strings.TrimPrefix(fmt.Sprintf(helloService, "hello"), "---\n")), &hello))
	pod := hello.Spec.Template.Spec
	require.Empty(t, pod.Volumes)
	require.NotNil(t, pod.AutomountServiceAccountToken)
	require.False(t, *pod.AutomountServiceAccountToken)
}

// A pod is seen with a version as soon as it answers from it.
func TestSightings(t *testing.T) {
	version := make(chan string, 1)
	version <- "1"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		v := <-version
		version <- v
		w.Header().Set("Modelfn-Params-Version", v)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var s sightings
	ended := make(chan struct{})
	go func() { defer close(ended); s.look(ctx, server.URL) }()
	first, err := s.of(ctx, params.Document{Version: 1})
	require.NoError(t, err)
	<-version
	changed := time.Now()
	version <- "2"
	second, err := s.of(ctx, params.Document{Version: 2})
	require.NoError(t, err)
	require.True(t, first.Before(changed) && second.After(changed))
	cancel()
	<-ended
	_, err = s.of(ctx, params.Document{Version: 3})
	require.ErrorContains(t, err, "version 3 does not come")
}
