package function

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/knative/child"
)

// describeTimeout is how long a program may take to describe itself.
const describeTimeout = 10 * time.Second

// Describe asks a program what it is, by --describe. Its environment is env.
func Describe(ctx context.Context, program string, env []string) (d framework.Description, err error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--describe")
	// Should it serve all the same, it takes no port that anything else wants.
	cmd.Env = append(env[:len(env):len(env)], "HOST=127.0.0.1", "PORT=0", "ADMIN_PORT=0")
	cmd.WaitDelay = time.Second
	child.Tie(cmd)
	cmd.Cancel = func() error { child.Kill(cmd); return nil }
	runtime.LockOSThread() // which the program is tied to
	defer runtime.UnlockOSThread()
	text, err := cmd.Output()
	if err != nil {
		return d, fmt.Errorf("asking %s for its schema: %w", program, cause(err))
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("the description of %s: %w", program, err)
	}
	return d, nil
}
