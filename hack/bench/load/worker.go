//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// worker is one thread with its share of the connections and of the rate.
type worker struct {
	plan  *Plan
	poll  int // the epoll instance
	conns []*conn
	free  []*conn // wait for a request to be due
	next  int     // the exchange to send next
	sent  int     // requests so far

	from, until time.Time     // what is measured
	due         time.Time     // when the next request is to be sent; open loop
	every       time.Duration // between two requests; 0 in a closed loop

	took []time.Duration // one for each answer that is measured
	cpu  time.Duration   // of the thread in the measured time
}

// tick bounds a wait, so that the end is noticed when nothing is answered.
const tick = 10 * time.Millisecond

// patience is how long the last answers may take.
const patience = 10 * time.Second

func newWorker(p *Plan, index, of int, start time.Time) (*worker, error) {
	addr, err := netip.ParseAddrPort(p.Addr)
	if err != nil {
		return nil, err
	}
	w := &worker{plan: p, next: index * len(p.Exchanges) / of, from: start.Add(p.Warmup)}
	w.until = w.from.Add(p.Duration)
	if w.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	expected := 200_000 * p.Duration.Seconds()
	if p.Rate > 0 {
		w.every = time.Duration(float64(of) / p.Rate * float64(time.Second))
		w.due = start.Add(w.every * time.Duration(index) / time.Duration(of))
		expected = p.Rate * p.Duration.Seconds() * 1.1
	}
	w.took = make([]time.Duration, 0, int(expected)/of)
	for i := index; i < p.Connections; i += of {
		c, err := dial(addr)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connecting to %v: %w", addr, err), w.close())
		}
		w.conns = append(w.conns, c)
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(w.conns) - 1)}
		if err := unix.EpollCtl(w.poll, unix.EPOLL_CTL_ADD, c.fd, &event); err != nil {
			return nil, errors.Join(fmt.Errorf("epoll: %w", err), w.close())
		}
	}
	w.free = append(w.free, w.conns...)
	return w, nil
}

func (w *worker) close() error {
	errs := []error{unix.Close(w.poll)}
	for _, c := range w.conns {
		errs = append(errs, unix.Close(c.fd))
	}
	return errors.Join(errs...)
}

// run makes the load on a thread of its own, whose timers are exact.
func (w *worker) run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // nanoseconds; without it waits are 50 µs late
	var cpu time.Duration
	measuring := false
	events := make([]unix.EpollEvent, len(w.conns))
	for now := time.Now(); now.Before(w.until); now = time.Now() {
		if !measuring && !now.Before(w.from) {
			measuring, cpu = true, threadCPU()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := w.sendDue(now); err != nil {
			return err
		}
		if err := w.receive(events, w.wait()); err != nil {
			return err
		}
	}
	w.cpu = threadCPU() - cpu
	return w.finish(events)
}

// wait is how long nothing has to be sent.
func (w *worker) wait() time.Duration {
	if w.every == 0 || len(w.free) == 0 {
		return tick
	}
	return min(max(0, time.Until(w.due)), tick)
}

// sendDue sends what is due, as far as there are free connections: in a closed
// loop something always is.
func (w *worker) sendDue(now time.Time) error {
	for len(w.free) > 0 && !w.due.After(now) {
		c := w.free[len(w.free)-1]
		w.free = w.free[:len(w.free)-1]
		c.due = w.due
		if w.every == 0 {
			c.due = now
		} else {
			w.due = w.due.Add(w.every)
		}
		if err := c.send(&w.plan.Exchanges[w.next]); err != nil {
			return err
		}
		w.sent++
		if w.next++; w.next == len(w.plan.Exchanges) {
			w.next = 0
		}
		if w.every == 0 {
			now = time.Now()
		}
	}
	return nil
}

// receive waits for answers and takes those that are there.
func (w *worker) receive(events []unix.EpollEvent, wait time.Duration) error {
	n, err := epollWait(w.poll, events, wait)
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range events[:n] {
		c := w.conns[e.Fd]
		done, err := c.receive()
		if err != nil {
			return err
		}
		if !done {
			continue
		}
		w.free = append(w.free, c)
		if now := time.Now(); !now.Before(w.from) && now.Before(w.until) {
			w.took = append(w.took, now.Sub(c.due))
		}
	}
	return nil
}

// finish takes the answers that are under way, so that the server is left idle.
func (w *worker) finish(events []unix.EpollEvent) error {
	for end := time.Now().Add(patience); len(w.free) < len(w.conns); {
		if time.Now().After(end) {
			return fmt.Errorf("%d answers did not come within %v", len(w.conns)-len(w.free), patience)
		}
		if err := w.receive(events, tick); err != nil {
			return err
		}
	}
	return nil
}

// epollWait is epoll_pwait2, whose timeout is not in milliseconds.
func epollWait(poll int, events []unix.EpollEvent, wait time.Duration) (int, error) {
	timeout := unix.NsecToTimespec(int64(wait))
	for {
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(poll),
			uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(&timeout)), 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
