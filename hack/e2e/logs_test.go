//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who follows a function's logs sees each pod come and go, each line once, from zero to
// zero and from there, and ends it with Ctrl-C.
func TestLogsAreFollowed(t *testing.T) {
	first := deploy(t, "model-b", soon, "env: {GOGC: '200'}")
	atZero(t, first)
	l := follow(t, "model-b")
	asking := startLoad(t, host("model-b"), 1)
	eventually(t, "the start of the program in the log", func() bool { return l.count(first, `"msg":"listening"`) == 1 })
	eventually(t, "a request in the log", func() bool { return l.count(first, `"route":"predict"`) > 0 })

	signal(t, pods(t, "revision", first)[0], "SIGKILL")
	eventually(t, "the start of the program once more", func() bool { return l.count(first, `"msg":"listening"`) == 2 })
	before := l.count(first, `"route":"predict"`)
	eventually(t, "requests to it", func() bool { return l.count(first, `"route":"predict"`) > before })
	asking.stop(t)

	atZero(t, first)
	eventually(t, "the end of the program in the log", func() bool { return l.count(first, `"msg":"ended"`) > 0 })
	require.Equal(t, first, asked(t, host("model-b"), patient).revision)
	eventually(t, "another pod in the log", func() bool { return l.count(first, `"msg":"listening"`) == 3 })
	next := apply(t, "model-b", soon, "env: {GOGC: '300'}")
	require.NotEqual(t, first, next)
	eventually(t, "the next revision in the log", func() bool { return l.count(next, `"msg":"listening"`) > 0 })

	require.NoError(t, l.cmd.Process.Signal(syscall.SIGINT))
	l.done.Wait()
	require.NoError(t, l.cmd.Wait(), "the exit code")
	seen := map[string]bool{}
	for _, line := range l.lines {
		require.False(t, seen[line], "twice: %s", line) // lines have times and traces
		seen[line] = true
	}
}

// following is a 'modelfn logs --follow' that runs.
type following struct {
	cmd  *exec.Cmd
	done sync.WaitGroup

	mu    sync.Mutex // guards lines
	lines []string
}

func follow(t *testing.T, function string) *following {
	t.Helper()
	l := &following{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), "bin/modelfn", "logs", function, "--follow")}
	l.cmd.Dir = root
	out, err := l.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, l.cmd.Start())
	l.done.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			l.mu.Lock()
			l.lines = append(l.lines, lines.Text())
			l.mu.Unlock()
		}
	})
	t.Cleanup(func() { _ = l.cmd.Process.Kill(); l.done.Wait() }) // if it has not ended
	return l
}

// count counts the lines of a revision with a text.
func (l *following) count(revision, text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, `"revision":"`+revision+`"`) && strings.Contains(line, text) {
			n++
		}
	}
	return n
}
