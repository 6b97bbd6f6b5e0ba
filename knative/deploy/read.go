package deploy

import (
	"context"
	"errors"
	"fmt"

	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
)

// read looks at what is there already.
func (d *deployment) read(ctx context.Context) error {
	s, err := d.model(ctx)
	if err == nil && s != nil && s.DeletionTimestamp != nil {
		err = errors.New("it is being deleted; that has to be done first")
	}
	if err != nil {
		return err
	}
	d.service = s
	return nil
}

var errNoModel = errors.New("there is a Service of this name that is no model: it lacks the label " + cluster.ModelLabel)

// model returns the Service as it is there; nil if it is not. The error is errNoModel if
// it is another one.
func (d *deployment) model(ctx context.Context) (*servingv1.Service, error) {
	d.doing = "reading the Service"
	s, err := d.cluster.Service(ctx, d.function.Name)
	switch {
	case cluster.Missing(err):
		return nil, nil
	case err != nil:
		return nil, err
	case s.Labels[cluster.ModelLabel] == "":
		return nil, errNoModel
	}
	return s, nil
}

// mustBe reads the Service, which is that of a model.
func (d *deployment) mustBe(ctx context.Context) error {
	if err := d.read(ctx); err != nil {
		return fmt.Errorf("%s: %w", d.function.Name, err)
	}
	if d.service == nil {
		return d.missing()
	}
	return nil
}

func (d *deployment) missing() error {
	return fmt.Errorf("there is no model %s in the namespace %s", d.function.Name, d.cluster.Namespace())
}
