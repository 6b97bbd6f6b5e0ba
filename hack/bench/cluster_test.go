//go:build linux

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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

// A model function and the hello that its cold start is compared with are deployed alike:
// they differ in their programs, and in what these are told and asked.
func TestHelloIsDeployedAsAModel(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "out", "cluster"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "out", "cluster", "images.json"), []byte(`{"model-a":"example.com/model-a"}`), 0o600))
	service := func(text string, err error) (s servingv1.Service) {
		require.NoError(t, err)
		require.NoError(t, yaml.UnmarshalStrict([]byte(strings.TrimPrefix(text, "---\n")), &s))
		return s
	}
	c := &cluster{"bench"}
	model, hello := service(c.model(root, "one", "scale: {windowSeconds: 6}")), service(c.hello(root, "one", "scale: {windowSeconds: 6}"))
	container := &model.Spec.Template.Spec.Containers[0]
	require.Equal(t, "example.com/model-a", container.Image)
	require.NotEmpty(t, container.Env)
	container.Image, container.Env, container.ReadinessProbe.HTTPGet.Path = "registry.local:5000/hello", nil, "/"
	require.Equal(t, model, hello)
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
