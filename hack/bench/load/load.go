//go:build linux

// Package load drives an HTTP server with requests that were built before, and
// checks every answer to the last byte.
//
// It shares the machine with the server that it drives, so it is as lean as can
// be: each thread owns its connections and waits for all of them and for the
// schedule in one system call; a request costs one write and one read. It speaks
// only as much HTTP as that takes: HTTP/1.1, kept alive, with a Content-Length.
//
// A closed loop ([Plan.Rate] is 0) sends on a connection as soon as it was
// answered: it finds the throughput. An open loop sends by a fixed schedule, and
// measures from the moment when a request was to be sent, not from when it could
// be: a server that stalls delays all that were due meanwhile, and they count.
package load

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Exchange is a request and the answer that it has to get.
type Exchange struct {
	Request []byte // all of it, from the method to the last byte of the body
	Answer  []byte // the body of the 200; one newline after it is allowed
}

// Plan says what load to make.
type Plan struct {
	Addr        string // an IPv4 address and a port
	Connections int    // kept alive; at least 1
	Exchanges   []Exchange

	// Rate is the number of requests a second, over all connections; 0 for a
	// closed loop.
	Rate float64

	// Duration is how long to measure, after a Warmup that is not measured.
	Warmup, Duration time.Duration
}

// Result is what a load measured.
type Result struct {
	Answers int           // in the measured time
	Sent    int           // requests in all, with those of the warmup
	Rate    float64       // answers a second
	P50     time.Duration // of the time to an answer
	P99     time.Duration
	CPU     time.Duration // that the load itself took, per answer
	Busy    float64       // the part of the time that its threads were not waiting, 0 to 1
}

// Run makes the load. It fails at the first answer that is not the expected one.
func Run(ctx context.Context, p Plan) (Result, error) {
	threads := min(max(1, runtime.NumCPU()/2), p.Connections)
	start := time.Now()
	workers := make([]*worker, threads)
	for i := range workers {
		w, err := newWorker(&p, i, threads, start)
		if err != nil {
			return Result{}, errors.Join(err, closeAll(workers[:i]))
		}
		workers[i] = w
	}
	errs := make([]error, threads)
	var running sync.WaitGroup
	for i, w := range workers {
		running.Go(func() { errs[i] = w.run(ctx) })
	}
	running.Wait()
	if err := errors.Join(errors.Join(errs...), closeAll(workers)); err != nil {
		return Result{}, err
	}
	return summarize(&p, workers), nil
}

func closeAll(workers []*worker) error {
	var errs []error
	for _, w := range workers {
		errs = append(errs, w.close())
	}
	return errors.Join(errs...)
}

func summarize(p *Plan, workers []*worker) Result {
	var all []time.Duration
	var cpu time.Duration
	sent := 0
	for _, w := range workers {
		all = append(all, w.took...)
		cpu += w.cpu
		sent += w.sent
	}
	r := Result{Answers: len(all), Sent: sent, Rate: float64(len(all)) / p.Duration.Seconds()}
	if len(all) == 0 {
		return r
	}
	slices.Sort(all)
	r.P50, r.P99 = Quantile(all, 0.50), Quantile(all, 0.99)
	r.CPU = cpu / time.Duration(len(all))
	r.Busy = cpu.Seconds() / p.Duration.Seconds() / float64(len(workers))
	return r
}

// Quantile returns the value that a part q of a sorted, non-empty list lies at or
// below.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// threadCPU is the CPU time that the calling thread has used.
func threadCPU() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // fails for an unknown clock only
	return time.Duration(t.Nano())
}
