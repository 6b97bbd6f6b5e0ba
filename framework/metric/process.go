package metric

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Process adds the usual figures of the process and of the Go runtime, under the
// names that Prometheus' own client library gives them.
func (r *Registry) Process() {
	started := float64(time.Now().UnixMilli()) / 1000
	r.Func("gauge", "process_start_time_seconds", "When the process started, in seconds since 1970.", func() float64 { return started })
	r.Func("counter", "process_cpu_seconds_total", "Processor time used, of the user and the system.", processorTime)
	r.Func("gauge", "process_resident_memory_bytes", "Memory that is resident.", residentMemory)
	r.Func("gauge", "process_open_fds", "Open file descriptors.", openFiles)
	r.Func("gauge", "go_goroutines", "Goroutines that exist.", func() float64 { return float64(runtime.NumGoroutine()) })
	r.Func("gauge", "go_gomaxprocs", "Threads that run Go code at once.", func() float64 { return float64(runtime.GOMAXPROCS(0)) })
	r.Func("gauge", "go_memstats_heap_alloc_bytes", "Bytes of objects on the heap.", memory(func(m *runtime.MemStats) uint64 { return m.HeapAlloc }))
	r.Func("gauge", "go_memstats_sys_bytes", "Bytes obtained from the system.", memory(func(m *runtime.MemStats) uint64 { return m.Sys }))
	r.Func("counter", "go_memstats_mallocs_total", "Objects allocated.", memory(func(m *runtime.MemStats) uint64 { return m.Mallocs }))
	r.Func("counter", "go_gc_cycles_total", "Garbage collections that ended.", memory(func(m *runtime.MemStats) uint64 { return uint64(m.NumGC) }))
	r.Func("gauge", "go_info", "The version of Go.", func() float64 { return 1 }, "version", runtime.Version())
}

func memory(pick func(*runtime.MemStats) uint64) func() float64 {
	return func() float64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(pick(&m))
	}
}

func processorTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// residentMemory reads the second number of /proc/self/statm, in pages; 0 where
// there is no such file.
func residentMemory() float64 {
	data, err := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(data)
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return float64(pages) * float64(os.Getpagesize())
}

func openFiles() float64 {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return float64(len(list) - 1) // one is the folder's own
}
