package local

import (
	"context"
	"sync"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/knative/function"
)

// describe asks the program of a model or component what it is.
func (r *Run) describe(ctx context.Context, model string) (framework.Description, error) {
	return function.Describe(ctx, r.path(model), r.cfg.Env)
}

// describeAll tells the gateway what the programs are. One that does not say it is
// served all the same.
func (r *Run) describeAll(ctx context.Context) {
	var asking sync.WaitGroup
	defer asking.Wait()
	for _, model := range r.functions() {
		asking.Go(func() {
			d, err := r.describe(ctx, model)
			if err != nil {
				if ctx.Err() == nil {
					r.log.Warn("a program does not describe itself", "model", model, "error", err.Error())
				}
				return
			}
			r.list.describe(model, d)
		})
	}
}
