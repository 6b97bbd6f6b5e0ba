package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/modelfn/modelfn/knative/manifest"
)

// objects are how the objects of functions are made.
type objects struct {
	chosen
	namespace, broker, images string
}

// flags adds the flags that say how.
func (o *objects) flags(cmd *cobra.Command) {
	o.chosen.flags(cmd)
	cmd.Flags().StringVarP(&o.namespace, "namespace", "n", "modelfn", "`namespace` of the functions, and of the registry")
	cmd.Flags().StringVar(&o.broker, "broker", "default", "`broker` that the registry announces new params to")
	cmd.Flags().StringVar(&o.images, "images", "", "JSON `file` with the images of functions, instead of those that they name")
}

// objectList is how the objects are printed as JSON.
type objectList struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Items      []map[string]any `json:"items"`
}

func (a *app) manifestCommand() *cobra.Command {
	var o objects
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "Print the Knative objects of functions",
		Long: `Print the Knative objects of functions: for each a Service, and a Trigger that
brings it the events of its params. What is printed is plain YAML, for 'kubectl
apply', for a kustomization, for review; with -o json it is a List.

A function is described by a function.yaml. Everything that is wrong with one is
told with its line, and what a cluster would refuse is refused here.

The manifests say nothing of traffic, so that applying them again moves none: of a
function that was deployed by 'modelfn deploy' the new revision gets none either, until
'modelfn traffic' gives it some. Name images by digest: --images takes the file that
'make images' writes,
  {"model-a": "registry.local:5000/modelfn/model-a@sha256:…"}

A program that is at hand is asked for its description, which goes with the Service:
who wants to know it need not wake the function.`,
		Example: `  modelfn manifest -f functions --images out/images/images.json | kubectl apply -f -
  modelfn manifest -f samples/own-model --namespace team-a > own-model.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.manifest(cmd.Context(), &o) },
	}
	o.flags(cmd)
	return cmd
}

func (a *app) manifest(ctx context.Context, o *objects) error {
	all, err := a.objects(ctx, o)
	if err != nil {
		return err
	}
	list := objectList{APIVersion: "v1", Kind: "List"}
	for _, one := range all {
		objects, err := one.Unstructured()
		if err != nil {
			return err
		}
		for _, object := range objects {
			list.Items = append(list.Items, object.Object)
		}
	}
	return a.print(list, func(w io.Writer) error { return manifest.Write(w, all...) })
}

// objects makes the objects of the chosen functions, or tells all that stands in the
// way.
func (a *app) objects(ctx context.Context, o *objects) ([]*manifest.Objects, error) {
	specs, err := o.specs()
	if err != nil {
		return nil, err
	}
	cfg := manifest.Config{Namespace: o.namespace, Broker: o.broker}
	if o.images != "" {
		if cfg.Images, err = manifest.ReadImages(o.images); err != nil {
			return nil, err
		}
	}
	programs, err := o.folder()
	if err != nil {
		return nil, err
	}
	if cfg.Descriptions, err = a.describe(ctx, specs, programs); err != nil {
		return nil, err
	}
	var all []*manifest.Objects
	var errs []error
	for _, spec := range specs {
		objects, err := manifest.New(spec, cfg)
		all, errs = append(all, objects), append(errs, err)
	}
	return all, errors.Join(errs...)
}
