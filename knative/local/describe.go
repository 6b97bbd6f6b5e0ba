package local

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework"
)

// describeTimeout is how long a program may take to describe itself.
const describeTimeout = 10 * time.Second

// describe asks the program of a model or component what it is.
func (r *Run) describe(ctx context.Context, model string) (d framework.Description, err error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.path(model), "--describe")
	// Should it serve all the same, it takes no port that anything else wants.
	cmd.Env = append(r.cfg.Env[:len(r.cfg.Env):len(r.cfg.Env)], "HOST=127.0.0.1", "PORT=0", "ADMIN_PORT=0")
	cmd.WaitDelay = time.Second
	text, err := cmd.Output()
	if err != nil {
		return d, fmt.Errorf("asking %s for its schema: %w", r.path(model), err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("the description of %s: %w", r.path(model), err)
	}
	return d, nil
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
