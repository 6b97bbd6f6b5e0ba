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
)

// cluster is a namespace of the Knative cluster on whose node the benchmark runs:
// hack/cluster/exec gives it kubectl and the network.
type cluster struct{ namespace string }

const (
	ingress = "198.18.0.1:80"
	domain  = "example.com"
)

// newCluster makes a namespace for a benchmark anew.
func newCluster(ctx context.Context, namespace string) (*cluster, error) {
	c := &cluster{namespace}
	if _, err := c.kubectl(ctx, "", "version"); err != nil {
		return nil, fmt.Errorf("there is no cluster here (make bench-cluster runs it where one is): %w", err)
	}
	if err := c.remove(ctx); err != nil {
		return nil, err
	}
	_, err := c.kubectl(ctx, "", "create", "namespace", namespace)
	return c, err
}

// remove deletes the namespace with all that is in it.
func (c *cluster) remove(ctx context.Context) error {
	_, err := c.kubectl(ctx, "", "delete", "namespace", c.namespace, "--ignore-not-found")
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
	data, err := os.ReadFile(filepath.Join(root, "out", "images", "images.json"))
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

// atZero waits until no Service of the namespace has a pod, and the ingress sends
// requests to Knative's activator.
func (c *cluster) atZero(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Minute, errors.New("the Services do not go to zero"))
	defer cancel()
	for {
		pods, err := c.kubectl(ctx, "", "get", "pods", "--output", "name")
		if err == nil && pods == "" {
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
