//go:build linux

// Package program builds, starts and watches the programs that are measured.
//
// A [Process] listens on a port of its own on 127.0.0.1. It ends with the one who
// started it, whatever becomes of that one.
package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modelfn/modelfn/hack/bench/load"
)

// Build compiles the main package pkg of the module at root into the folder dir,
// with the flags of hack/build, and returns the program's path.
func Build(ctx context.Context, root, dir, pkg string) (string, error) {
	path := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

// Process is a running program. Its methods are for one goroutine.
type Process struct {
	Addr    string // where it listens, or will
	cmd     *exec.Cmd
	started time.Time
	ended   chan struct{} // closed when the process has ended
	err     error         // why; to be read after ended
	output  tail
}

// Start starts the program at path, with $PORT and env added to an environment
// that has nothing else. What it writes goes to a pipe that is read at once and
// thrown away, as a container's runtime would read it.
func Start(ctx context.Context, path string, env ...string) (*Process, error) {
	addr, port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &Process{Addr: addr, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, path)
	p.cmd.Env = append(env, "PORT="+port)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// freePort returns an address that nobody listens on now.
func freePort() (addr, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", fmt.Errorf("finding a free port: %w", err)
	}
	addr = l.Addr().String()
	_, port, _ = net.SplitHostPort(addr)
	return addr, port, l.Close()
}

// Stop ends the process at once and waits for it. It may be called twice.
func (p *Process) Stop() {
	_ = p.cmd.Process.Kill() // one that has ended needs none
	<-p.ended
}

// patience bounds the wait for a first answer.
const patience = 30 * time.Second

// FirstAnswer asks until the right answer comes, and returns how long after the
// start of the process that was.
func (p *Process) FirstAnswer(ctx context.Context, x load.Exchange) (time.Duration, error) {
	for {
		err := ask(p.Addr, x)
		took := time.Since(p.started)
		if err == nil {
			return took, nil
		}
		select {
		case <-p.ended:
			return 0, fmt.Errorf("%s ended: %w\n%s", p.cmd.Path, errors.Join(p.err, ctx.Err()), p.output.String())
		default:
		}
		if took > patience {
			return 0, fmt.Errorf("%s has not answered for %v: %w\n%s", p.cmd.Path, patience, err, p.output.String())
		}
		// time.Sleep would be a millisecond late.
		pause := unix.NsecToTimespec(int64(50 * time.Microsecond))
		_ = unix.Nanosleep(&pause, nil)
	}
}

// ask asks once, on a connection of its own.
func ask(addr string, x load.Exchange) error {
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write(x.Request); err != nil {
		return err
	}
	buf := make([]byte, 4<<10)
	for have := 0; ; {
		n, err := c.Read(buf[have:])
		if err != nil {
			return err
		}
		have += n
		if done, err := x.Check(buf[:have]); done || err != nil {
			return err
		}
	}
}

// CPU is the processor time that the process has used so far.
func (p *Process) CPU() (time.Duration, error) {
	// The clock of another process, as clock_getcpuclockid(3) composes it.
	const schedulerClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|schedulerClock), &t); err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.cmd.Path, err)
	}
	return time.Duration(t.Nano()), nil
}

// Memory is how much of the machine's memory the process holds now, and the most
// that it ever has, in bytes.
func (p *Process) Memory() (now, most int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, fmt.Errorf("memory of %s: %w", p.cmd.Path, err)
	}
	field := func(name string) int64 {
		_, rest, _ := strings.Cut(string(text), name+":")
		rest, _, _ = strings.Cut(rest, " kB")
		n, convErr := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
		if convErr != nil {
			err = fmt.Errorf("memory of %s: %s: %w", p.cmd.Path, name, convErr)
		}
		return n << 10
	}
	now, most = field("VmRSS"), field("VmHWM")
	return now, most, err
}

// tail keeps the end of what is written to it, for an error message.
type tail struct {
	mu   sync.Mutex // guards last
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 2 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(p) >= most {
		t.last = append(t.last[:0], p[len(p)-most:]...)
		return len(p), nil
	}
	t.last = append(t.last, p...)
	if over := len(t.last) - most; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}
