package manifest

import (
	"bytes"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// Unstructured returns the objects in the order to apply them, with what they say
// alone: no status, and no fields that are empty.
func (o *Objects) Unstructured() ([]*unstructured.Unstructured, error) {
	typed := []any{o.Service}
	if o.Trigger != nil {
		typed = append(typed, o.Trigger)
	}
	var list []*unstructured.Unstructured
	for _, object := range typed {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", o.Service.Name, err)
		}
		delete(content, "status")
		prune(content)
		list = append(list, &unstructured.Unstructured{Object: content})
	}
	return list, nil
}

// prune takes out what is empty: the types write some fields that nobody has set.
func prune(object map[string]any) {
	for name, value := range object {
		below, ok := value.(map[string]any)
		if ok {
			prune(below)
		}
		if value == nil || ok && len(below) == 0 {
			delete(object, name)
		}
	}
}

// Write writes the objects of functions as YAML, one document each.
func Write(w io.Writer, functions ...*Objects) error {
	var text bytes.Buffer
	for _, o := range functions {
		list, err := o.Unstructured()
		if err != nil {
			return err
		}
		for _, object := range list {
			document, err := yaml.Marshal(object.Object)
			if err != nil {
				return fmt.Errorf("writing %s: %w", o.Service.Name, err)
			}
			text.WriteString("---\n")
			text.Write(document)
		}
	}
	_, err := w.Write(text.Bytes())
	return err
}
