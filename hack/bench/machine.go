//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine says where and when something was measured.
type machine struct {
	CPU        string    `json:"cpu"`
	CPUs       int       `json:"cpus"`
	GOMAXPROCS int       `json:"gomaxprocs"` // of every program that is measured
	Kernel     string    `json:"kernel"`
	Go         string    `json:"go"`
	Load       string    `json:"load"` // the load averages at the start: others may be at work
	At         time.Time `json:"at"`
}

func thisMachine() machine {
	m := machine{
		CPU: "unknown", CPUs: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		Go: runtime.Version(), At: time.Now().UTC().Truncate(time.Second),
	}
	for line := range strings.Lines(proc("cpuinfo")) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	m.Kernel = strings.TrimSpace(proc("sys/kernel/osrelease"))
	if f := strings.Fields(proc("loadavg")); len(f) >= 3 {
		m.Load = strings.Join(f[:3], " ")
	}
	return m
}

// proc reads a file of /proc; what cannot be read is empty.
func proc(name string) string {
	data, _ := os.ReadFile("/proc/" + name)
	return string(bytes.TrimSpace(data))
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d CPUs, GOMAXPROCS %d, Linux %s, %s, load %s, %s",
		m.CPU, m.CPUs, m.GOMAXPROCS, m.Kernel, m.Go, m.Load, m.At.Format(time.RFC3339))
}
