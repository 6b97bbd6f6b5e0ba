//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/knative/function"
	"github.com/modelfn/modelfn/knative/manifest"
)

// cluster is a namespace of the Knative cluster on whose node the benchmark runs:
// hack/cluster/exec gives it kubectl and the network.
type cluster struct{ namespace string }

const (
	ingress  = "198.18.0.1:80"
	domain   = "example.com"
	platform = "modelfn" // where the registry is
)

// newCluster makes a namespace for a benchmark anew.
func newCluster(ctx context.Context, namespace string) (*cluster, error) {
	c := &cluster{namespace}
	if _, err := c.kubectl(ctx, "", "version"); err != nil {
		return nil, fmt.Errorf("there is no cluster here (make bench-cluster runs it where one is): %w", err)
	}
	if _, err := c.kubectl(ctx, "", "delete", "namespace", c.namespace, "--ignore-not-found"); err != nil { // waits for one that ends
		return nil, err
	}
	if _, err := c.kubectl(ctx, "", "create", "namespace", namespace); err != nil {
		return nil, err
	}
	// As each namespace of models has it; nobody has this token.
	_, err := c.kubectl(ctx, "", "create", "secret", "generic", manifest.TokensSecret, "--from-literal", "tokens=nobody sha256:"+strings.Repeat("0", 64))
	return c, err
}

// remove deletes the namespace with all that is in it, which takes a while by itself.
func (c *cluster) remove(ctx context.Context) error {
	_, err := c.kubectl(ctx, "", "delete", "namespace", c.namespace, "--ignore-not-found", "--wait=false")
	return err
}

// kubectl runs a command in the namespace and returns what it prints.
func (c *cluster) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl", append([]string{"--namespace", c.namespace}, args...)...)
	var out, problem bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", args[0], err, bytes.TrimSpace(problem.Bytes()))
	}
	return out.String(), nil
}

// image returns the reference, by digest, of a function's image that was pushed.
func image(root, function string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, "out", "cluster", "images.json"))
	if err != nil {
		return "", fmt.Errorf("which images there are (make deploy pushes them): %w", err)
	}
	var images map[string]string
	if err := json.Unmarshal(data, &images); err != nil {
		return "", fmt.Errorf("which images there are: %w", err)
	}
	if images[function] == "" {
		return "", fmt.Errorf("there is no image of %s", function)
	}
	return images[function], nil
}

// model returns the manifest of a Service of model-a's program, with these lines in its
// function.yaml. It follows the registry of the models that are deployed.
func (c *cluster) model(root, name string, lines ...string) (string, error) {
	o, err := c.objects(root, name, lines)
	if err != nil {
		return "", err
	}
	return c.text(o)
}

// hello returns the manifest of a Service of the same kind whose program does nothing. What
// the model function gets in its environment this one does not get.
func (c *cluster) hello(root, name string, lines ...string) (string, error) {
	o, err := c.objects(root, name, lines)
	if err != nil {
		return "", err
	}
	container := &o.Service.Spec.Template.Spec.Containers[0]
	container.Image = "registry.local:5000/hello"
	container.Env = nil
	container.ReadinessProbe.HTTPGet.Path = "/"
	return c.text(o)
}

func (c *cluster) objects(root, name string, lines []string) (*manifest.Objects, error) {
	reference, err := image(root, "model-a")
	if err != nil {
		return nil, err
	}
	file := append([]string{"name: " + name, "image: " + reference, "components: {component-d: process}", "events: false"}, lines...)
	spec, err := function.Parse(name, []byte(strings.Join(file, "\n")))
	if err != nil {
		return nil, err
	}
	return manifest.New(spec, manifest.Config{Namespace: c.namespace})
}

// text writes a manifest, with the registry where it is.
func (c *cluster) text(o *manifest.Objects) (string, error) {
	var text strings.Builder
	if err := manifest.Write(&text, o); err != nil {
		return "", err
	}
	return strings.ReplaceAll(text.String(), "http://registry."+c.namespace+".", "http://registry."+platform+"."), nil
}

// deploy applies Services, and waits until they are ready.
func (c *cluster) deploy(ctx context.Context, services string) error {
	if _, err := c.kubectl(ctx, services, "apply", "--filename", "-"); err != nil {
		return err
	}
	_, err := c.kubectl(ctx, "", "wait", "--for=condition=Ready", "--timeout=120s", "services.serving.knative.dev", "--all")
	return err
}

// ask sends a request to a Service through the ingress, on a connection of its own.
func (c *cluster) ask(ctx context.Context, service, method, path, body string) (answer string, took time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+ingress+path, strings.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	r.Host = service + "." + c.namespace + "." + domain
	r.Header.Set("Content-Type", "application/json")
	r.Close = true
	start := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	took = time.Since(start)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %s", r.Host, resp.Status, text)
	}
	return string(text), took, err
}

// atZero waits until no Service of the namespace has a pod that is not about to end, and
// the ingress sends requests to Knative's activator.
func (c *cluster) atZero(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Minute, errors.New("the Services do not go to zero"))
	defer cancel()
	for {
		pods, err := c.kubectl(ctx, "", "get", "pods", "--output", `jsonpath={range .items[*]}[{.metadata.deletionTimestamp}]{end}`)
		if err == nil && !strings.Contains(pods, "[]") {
			var modes string
			modes, err = c.kubectl(ctx, "", "get", "serverlessservices", "--output", "jsonpath={.items[*].spec.mode}")
			if err == nil && !strings.Contains(modes, "Serve") {
				return nil
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
