//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
)

// progress is one line on a terminal that says what is being done. Elsewhere it
// writes nothing.
type progress struct{ terminal io.Writer }

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &progress{f}
		}
	}
	return &progress{}
}

const eraseLine = "\r\x1b[K"

func (p *progress) say(format string, args ...any) {
	if p.terminal != nil {
		fmt.Fprintf(p.terminal, eraseLine+format, args...)
	}
}

func (p *progress) clear() { p.say("") }
