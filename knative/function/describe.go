package function

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
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
		return d, fmt.Errorf("asking %s for its schema: %w%s", program, cause(err), lastWords(err))
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("the description of %s: %w", program, err)
	}
	return d, nil
}

// lastWords is the end of what a program that failed wrote to its standard error, to
// stand behind a message.
func lastWords(err error) string {
	const lines, size = 5, 500
	failed, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return ""
	}
	var said []string
	for line := range strings.Lines(string(failed.Stderr)) {
		if line = strings.TrimSpace(line); line != "" {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return ""
	}
	text := strings.Join(said[max(0, len(said)-lines):], "; ")
	if len(text) > size {
		text = "…" + strings.ToValidUTF8(text[len(text)-size:], "")
	}
	return ": " + text
}
