package local

import (
	"errors"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/modelfn/modelfn/knative/child"
)

// starter starts programs, all from one thread that lives until it is closed: on
// Linux the kernel ends a program with the thread that started it, not with the
// process of that thread.
type starter struct {
	starts chan func()
	done   chan struct{}
}

func newStarter() *starter {
	s := &starter{starts: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		for start := range s.starts {
			start()
		}
	}()
	return s
}

// close ends the thread. Every program has ended by then.
func (s *starter) close() {
	close(s.starts)
	<-s.done
}

// process is a program that was started.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // why it ended; to be read after done
}

// start starts a program, which writes to out until it has ended.
func (s *starter) start(path string, env []string, out io.Writer) (*process, error) {
	cmd := exec.Command(path)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = out, out
	child.Tie(cmd)
	cmd.WaitDelay = time.Second // for a pipe that something else still holds
	started := make(chan error)
	s.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if p.err = cmd.Wait(); p.err == nil {
			p.err = errors.New(cmd.ProcessState.String())
		}
		child.Kill(cmd) // what the program had started itself
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// end asks the process to end, and makes it after grace or when hurry is closed.
// It returns when the process has ended.
func (p *process) end(grace time.Duration, hurry <-chan struct{}) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
		return
	case <-hurry:
	case <-time.After(grace):
	}
	child.Kill(p.cmd)
	<-p.done
}
