package cluster

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// Service returns a Service by its name.
func (c *Cluster) Service(ctx context.Context, name string) (*servingv1.Service, error) {
	s := &servingv1.Service{}
	err := c.serving.Get().Namespace(c.namespace).Resource("services").Name(name).Do(ctx).Into(s)
	return s, explain(err)
}

// Services returns all Services of the namespace.
func (c *Cluster) Services(ctx context.Context) ([]*servingv1.Service, error) {
	list := &servingv1.ServiceList{}
	err := c.serving.Get().Namespace(c.namespace).Resource("services").Do(ctx).Into(list)
	return pointers(list.Items), explain(err)
}

// Revisions returns the revisions of a Service, or of all for "".
func (c *Cluster) Revisions(ctx context.Context, service string) ([]*servingv1.Revision, error) {
	list := &servingv1.RevisionList{}
	err := c.serving.Get().Namespace(c.namespace).Resource("revisions").
		VersionedParams(&metav1.ListOptions{LabelSelector: of(service)}, metav1.ParameterCodec).Do(ctx).Into(list)
	return pointers(list.Items), explain(err)
}

// Pods returns the pods of a Service, or of all for "".
func (c *Cluster) Pods(ctx context.Context, service string) ([]*corev1.Pod, error) {
	list := &corev1.PodList{}
	err := c.core.Get().Namespace(c.namespace).Resource("pods").
		VersionedParams(&metav1.ListOptions{LabelSelector: of(service)}, metav1.ParameterCodec).Do(ctx).Into(list)
	return pointers(list.Items), explain(err)
}

// of selects what belongs to a Service, or to any.
func of(service string) string {
	if service == "" {
		return ServiceLabel
	}
	return ServiceLabel + "=" + service
}

func pointers[T any](items []T) []*T {
	list := make([]*T, len(items))
	for i := range items {
		list[i] = &items[i]
	}
	return list
}

// LogOptions say which part of a log is wanted.
type LogOptions struct {
	Follow bool
	Tail   int64     // how many of the last lines; 0 is all
	Since  time.Time // from the second of this time on; the zero value is all
	Times  bool      // each line begins with when it was written, as RFC 3339 has it, and a space
}

// Log opens the log of a pod's program; the caller closes it.
func (c *Cluster) Log(ctx context.Context, pod *corev1.Pod, o LogOptions) (io.ReadCloser, error) {
	options := &corev1.PodLogOptions{Container: Program(pod), Follow: o.Follow, Timestamps: o.Times}
	if o.Tail > 0 {
		options.TailLines = &o.Tail
	}
	if !o.Since.IsZero() {
		options.SinceTime = &metav1.Time{Time: o.Since}
	}
	log, err := c.core.Get().Namespace(c.namespace).Resource("pods").Name(pod.Name).SubResource("log").
		VersionedParams(options, parameters).Stream(ctx)
	return log, explain(err)
}

// parameters writes the options of a pod's log into a URL.
var parameters = func() runtime.ParameterCodec {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		panic(err) // these types fit each other
	}
	return runtime.NewParameterCodec(scheme)
}()

// Program is the name of the container in a pod that is ours, and not Knative's.
func Program(pod *corev1.Pod) string {
	for _, container := range pod.Spec.Containers {
		if container.Name != queueProxy {
			return container.Name
		}
	}
	return ""
}

// ProgramRun names the run of a pod's program that the pod's log is of, and reports whether it
// goes on; "" if the program was not started yet.
func ProgramRun(pod *corev1.Pod) (id string, runs bool) {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name != Program(pod) {
			continue
		}
		if status.State.Running != nil {
			return status.ContainerID, true
		}
		if ended := cmp.Or(status.State.Terminated, status.LastTerminationState.Terminated); ended != nil {
			return ended.ContainerID, false
		}
	}
	return "", false
}

// longestProbeAnswer is how much of an answer is read, in bytes.
const longestProbeAnswer = 64 << 10

// Ask asks a pod, through the API server, at a port and path. It returns the
// status and the answer, also if the status is not one of success.
func (c *Cluster) Ask(ctx context.Context, pod string, port int, path string) (status int, answer []byte, err error) {
	at := c.core.Get().Namespace(c.namespace).Resource("pods").Name(fmt.Sprintf("%s:%d", pod, port)).SubResource("proxy").Suffix(path).URL()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := c.core.Client.Do(r)
	if err != nil {
		return 0, nil, explain(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(io.LimitReader(resp.Body, longestProbeAnswer)); err != nil {
		return 0, nil, err
	}
	var own metav1.Status // of the API server, which did not reach the pod
	if json.Unmarshal(answer, &own) == nil && own.Kind == "Status" {
		return 0, nil, explain(&apierrors.StatusError{ErrStatus: own})
	}
	return resp.StatusCode, answer, nil
}
