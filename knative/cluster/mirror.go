package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// Mirror is a copy of the Services, revisions and pods of a namespace, or of what
// belongs to one Service. Each is as the API said it last: one that is away takes
// nothing out of the copy. The objects are not to be changed.
type Mirror struct {
	services  kept[*servingv1.Service]
	revisions kept[*servingv1.Revision]
	pods      kept[*corev1.Pod]
	failed    func(error)
	changed   chan struct{} // holds a token when there is something new
}

// MirrorConfig says what to follow.
type MirrorConfig struct {
	// Service is the only one to follow, with what belongs to it; "" follows all.
	Service string

	// Failed is told why the API could not be followed; it is asked again all the
	// same. It may be called at once. Nil discards it.
	Failed func(error)
}

// Times of a mirror.
const (
	firstPause   = 200 * time.Millisecond // after a failure; twice as long after each further one
	longestPause = 5 * time.Second
	longestWatch = 5 * time.Minute // then everything is read again
)

// Mirror returns a mirror; its Run fills it.
func (c *Cluster) Mirror(cfg MirrorConfig) *Mirror {
	m := &Mirror{failed: cfg.Failed, changed: make(chan struct{}, 1)}
	if m.failed == nil {
		m.failed = func(error) {}
	}
	belongs := metav1.ListOptions{LabelSelector: of(cfg.Service)}
	var services metav1.ListOptions
	if cfg.Service != "" {
		services.FieldSelector = "metadata.name=" + cfg.Service
	}
	m.services.source = source{c.serving, c.namespace, "services", services, func() runtime.Object { return &servingv1.ServiceList{} }}
	m.revisions.source = source{c.serving, c.namespace, "revisions", belongs, func() runtime.Object { return &servingv1.RevisionList{} }}
	m.pods.source = source{c.core, c.namespace, "pods", belongs, func() runtime.Object { return &corev1.PodList{} }}
	return m
}

// Run follows the API until ctx ends.
func (m *Mirror) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { m.services.follow(ctx, m.notify, m.failed) })
	running.Go(func() { m.revisions.follow(ctx, m.notify, m.failed) })
	running.Go(func() { m.pods.follow(ctx, m.notify, m.failed) })
	running.Wait()
}

func (m *Mirror) notify() {
	select {
	case m.changed <- struct{}{}:
	default: // it is known already
	}
}

// Changed receives whenever something may have changed since it received last. It
// has one reader.
func (m *Mirror) Changed() <-chan struct{} { return m.changed }

// Complete reports whether all has been read once.
func (m *Mirror) Complete() bool {
	return m.services.complete() && m.revisions.complete() && m.pods.complete()
}

// Services returns the Services in no order, Revisions and Pods those of a Service.
func (m *Mirror) Services() []*servingv1.Service { return m.services.all("") }

// Revisions returns the revisions of a Service in no order.
func (m *Mirror) Revisions(service string) []*servingv1.Revision { return m.revisions.all(service) }

// Pods returns the pods of a Service in no order.
func (m *Mirror) Pods(service string) []*corev1.Pod { return m.pods.all(service) }

// source is where objects of one kind come from.
type source struct {
	client    rest.Interface
	namespace string
	resource  string
	options   metav1.ListOptions
	list      func() runtime.Object
}

func (s *source) request(options metav1.ListOptions) *rest.Request {
	options.LabelSelector, options.FieldSelector = s.options.LabelSelector, s.options.FieldSelector
	return s.client.Get().Namespace(s.namespace).Resource(s.resource).VersionedParams(&options, metav1.ParameterCodec)
}

// kept is the copy of the objects of one kind.
type kept[T metav1.Object] struct {
	source source

	mu      sync.Mutex // guards what follows
	read    bool
	objects map[string]T // by name
}

func (k *kept[T]) complete() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.read
}

// all returns the objects that belong to a Service, every one for "".
func (k *kept[T]) all(service string) []T {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]T, 0, len(k.objects))
	for _, o := range k.objects {
		if service == "" || o.GetLabels()[ServiceLabel] == service {
			list = append(list, o)
		}
	}
	return list
}

// follow lists the objects and then watches them, over and over.
func (k *kept[T]) follow(ctx context.Context, notify func(), failed func(error)) {
	wait := firstPause
	for ctx.Err() == nil {
		version, err := k.replace(ctx)
		if err == nil {
			notify()
			wait = firstPause
			err = k.watch(ctx, version, notify)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failed(fmt.Errorf("following %s: %w", k.source.resource, explain(err)))
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			wait = min(2*wait, longestPause)
		}
	}
}

// replace reads all objects; it returns the version from which on to watch.
func (k *kept[T]) replace(ctx context.Context) (string, error) {
	list := k.source.list()
	if err := k.source.request(metav1.ListOptions{}).Do(ctx).Into(list); err != nil {
		return "", err
	}
	objects := map[string]T{}
	err := meta.EachListItem(list, func(o runtime.Object) error {
		object, ok := o.(T)
		if !ok {
			return fmt.Errorf("a %T", o)
		}
		objects[object.GetName()] = object
		return nil
	})
	if err != nil {
		return "", err
	}
	about, err := meta.ListAccessor(list)
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.objects, k.read = objects, true
	return about.GetResourceVersion(), nil
}

// watch takes over each change. It returns nil when all is to be read again.
func (k *kept[T]) watch(ctx context.Context, version string, notify func()) error {
	seconds := int64(longestWatch / time.Second)
	w, err := k.source.request(metav1.ListOptions{ResourceVersion: version, Watch: true, TimeoutSeconds: &seconds}).Watch(ctx)
	if err != nil {
		if apierrors.IsGone(err) || apierrors.IsResourceExpired(err) {
			return nil
		}
		return err
	}
	defer w.Stop()
	began := time.Now()
	for event := range w.ResultChan() {
		if event.Type == watch.Error {
			if err := apierrors.FromObject(event.Object); !apierrors.IsGone(err) && !apierrors.IsResourceExpired(err) {
				return err
			}
			return nil
		}
		if object, ok := event.Object.(T); ok {
			k.put(object, event.Type == watch.Deleted)
			notify()
		}
	}
	if time.Since(began) < firstPause {
		return fmt.Errorf("the watch ended at once") // not asked again without a pause
	}
	return nil
}

func (k *kept[T]) put(object T, deleted bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if deleted {
		delete(k.objects, object.GetName())
		return
	}
	k.objects[object.GetName()] = object
}
