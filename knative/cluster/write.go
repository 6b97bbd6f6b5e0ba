package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// Manager is the name under which the fields of what is deployed are ours.
const Manager = "modelfn"

// Object is one manifest, as a tree of JSON. It carries neither a status nor what
// the cluster fills in.
type Object map[string]any

// Field returns a text in the object, "" if it is not there.
func (o Object) Field(path ...string) string {
	var at any = map[string]any(o)
	for _, name := range path {
		in, _ := at.(map[string]any)
		at = in[name]
	}
	text, _ := at.(string)
	return text
}

// Kind and Name are the object's.
func (o Object) Kind() string { return o.Field("kind") }

// Name is the object's.
func (o Object) Name() string { return o.Field("metadata", "name") }

// place is the path of the object's kind in the API.
func (o Object) place() (*schema.GroupVersion, string, error) {
	group, err := schema.ParseGroupVersion(o.Field("apiVersion"))
	if err != nil || o.Kind() == "" || o.Name() == "" {
		return nil, "", fmt.Errorf("%s %s: a manifest needs apiVersion, kind and metadata.name", o.Kind(), o.Name())
	}
	plural, _ := meta.UnsafeGuessKindToResource(group.WithKind(o.Kind())) // right for every kind that is deployed
	return &group, plural.Resource, nil
}

// path is that of the object in a namespace.
func (o Object) path(namespace string) (string, error) {
	group, resource, err := o.place()
	if err != nil {
		return "", err
	}
	root := "/apis/" + group.String()
	if group.Group == "" {
		root = "/api/" + group.Version
	}
	return fmt.Sprintf("%s/namespaces/%s/%s/%s", root, namespace, resource, o.Name()), nil
}

// ApplyOptions say how to apply.
type ApplyOptions struct {
	// Force takes fields over that others have changed; without it that is a
	// [ConflictError].
	Force bool

	// DryRun lets the cluster check, and changes nothing.
	DryRun bool
}

// Applied is what became of an object.
type Applied struct {
	UID        string
	Generation int64
	Version    string             // that changes with any change
	Service    *servingv1.Service // the whole of it, if it is one
	Warnings   []string
}

// Apply makes an object so, by server-side apply as [Manager]: fields that it does
// not name stay as they are, unless they were named when it was last applied.
func (c *Cluster) Apply(ctx context.Context, o Object, options ApplyOptions) (Applied, error) {
	path, err := o.path(c.namespace)
	if err != nil {
		return Applied{}, err
	}
	body, err := json.Marshal(o, json.Deterministic(true))
	if err != nil {
		return Applied{}, fmt.Errorf("%s %s: %w", o.Kind(), o.Name(), err)
	}
	request := c.core.Patch(types.ApplyPatchType).AbsPath(path).Param("fieldManager", Manager).Param("fieldValidation", "Strict").Body(body)
	if options.Force {
		request.Param("force", "true")
	}
	if options.DryRun {
		request.Param("dryRun", metav1.DryRunAll)
	}
	result := request.Do(ctx)
	if err := result.Error(); err != nil {
		return Applied{}, explain(err)
	}
	answer, err := result.Raw()
	if err != nil {
		return Applied{}, err
	}
	var got struct {
		Metadata struct {
			UID             string `json:"uid"`
			Generation      int64  `json:"generation"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return Applied{}, fmt.Errorf("the cluster's answer to %s %s: %w", o.Kind(), o.Name(), err)
	}
	applied := Applied{UID: got.Metadata.UID, Generation: got.Metadata.Generation, Version: got.Metadata.ResourceVersion}
	if o.Field("apiVersion") == servingv1.SchemeGroupVersion.String() && o.Kind() == "Service" {
		applied.Service = &servingv1.Service{}
		if err := result.Into(applied.Service); err != nil {
			return Applied{}, fmt.Errorf("the cluster's answer to %s %s: %w", o.Kind(), o.Name(), err)
		}
	}
	for _, w := range result.Warnings() {
		applied.Warnings = append(applied.Warnings, w.Text)
	}
	return applied, nil
}

// SetTraffic replaces the traffic of a Service that is still as it was read; if it
// is not, the error is one for which [Changed] holds. The field is left to whoever
// changes it next: the manifests do not name it, so applying them leaves it alone. With
// the traffic the annotations are written that go with it.
func (c *Cluster) SetTraffic(ctx context.Context, s *servingv1.Service, targets []servingv1.TrafficTarget, annotations map[string]string) (*servingv1.Service, error) {
	type target struct {
		RevisionName   string `json:"revisionName,omitzero"`
		LatestRevision bool   `json:"latestRevision"`
		Percent        *int64 `json:"percent,omitzero"`
		Tag            string `json:"tag,omitzero"`
	}
	list := make([]target, len(targets))
	for i, t := range targets {
		list[i] = target{t.RevisionName, t.LatestRevision != nil && *t.LatestRevision, t.Percent, t.Tag}
	}
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": s.ResourceVersion, "annotations": annotations},
		"spec":     map[string]any{"traffic": list},
	}, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	now := &servingv1.Service{}
	err = c.serving.Patch(types.MergePatchType).Namespace(c.namespace).Resource("services").Name(s.Name).
		Param("fieldManager", Manager).Body(body).Do(ctx).Into(now)
	return now, explain(err)
}

// Get reads an object, of which apiVersion, kind and name are given.
func (c *Cluster) Get(ctx context.Context, o Object) (Object, error) {
	path, err := o.path(c.namespace)
	if err != nil {
		return nil, err
	}
	result := c.core.Get().AbsPath(path).Do(ctx)
	if err := result.Error(); err != nil { // Raw's does not say what the API says
		return nil, explain(err)
	}
	text, err := result.Raw()
	if err != nil {
		return nil, err
	}
	var found Object
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("the cluster's answer for %s %s: %w", o.Kind(), o.Name(), err)
	}
	return found, nil
}

// Delete deletes an object, of which apiVersion, kind and name are given, and what
// it owns. With a uid it is deleted only if it is that one, and not another of its name;
// with a resourceVersion only if it is as it was read, and if not, [Changed] holds for the
// error. One that is not there is no error; the result says which it was.
func (c *Cluster) Delete(ctx context.Context, o Object) (bool, error) {
	path, err := o.path(c.namespace)
	if err != nil {
		return false, err
	}
	options := map[string]any{"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}
	preconditions := map[string]any{}
	for _, name := range []string{"uid", "resourceVersion"} {
		if value := o.Field("metadata", name); value != "" {
			preconditions[name] = value
		}
	}
	if len(preconditions) > 0 {
		options["preconditions"] = preconditions
	}
	body, err := json.Marshal(options, json.Deterministic(true))
	if err != nil {
		return false, err
	}
	err = c.core.Delete().AbsPath(path).Body(body).Do(ctx).Error()
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, explain(err)
}

// Missing reports whether the cluster has no such object, and Changed whether it is
// not as it was read any more.
func Missing(err error) bool { return apierrors.IsNotFound(err) }

// Changed reports whether an object is not as it was read any more.
func Changed(err error) bool {
	_, ok := errors.AsType[*ConflictError](err)
	return ok || apierrors.IsConflict(err)
}

// ConflictError says that others have changed fields that are to be applied.
type ConflictError struct {
	Fields []string // such as .spec.template.spec.containers: "kn" using serving.knative.dev/v1
	err    error
}

// Error names the fields and the others.
func (e *ConflictError) Error() string { return "changed by others: " + strings.Join(e.Fields, "; ") }

// Unwrap returns the answer of the cluster.
func (e *ConflictError) Unwrap() error { return e.err }
