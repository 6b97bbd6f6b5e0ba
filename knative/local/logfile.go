package local

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
)

const (
	logLimit = 8 << 20 // bytes of a log file; there are at most two of a program
	tailSize = 4 << 10 // bytes of the log's end that are kept in memory
)

// logFile is a log of bounded size: when it is full it becomes the file with .1
// behind its name, and a new one is begun. It is safe for concurrent use.
type logFile struct {
	path string

	mu   sync.Mutex // guards what follows
	file *os.File   // nil after it could not be opened again
	size int64
	last []byte // the end of what was written
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	if err := l.open(os.O_APPEND); err != nil {
		return nil, fmt.Errorf("a log cannot be written: %w", err)
	}
	return l, nil
}

func (l *logFile) open(mode int) error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|mode, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write never fails: a program must not be stopped by a full disk. What cannot be
// written is lost.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append(l.last, p...)
	if over := len(l.last) - tailSize; over > 0 {
		l.last = append(l.last[:0], l.last[over:]...)
	}
	if l.size > 0 && l.size+int64(len(p)) > logLimit {
		l.rotate()
	}
	if l.file != nil {
		n, _ := l.file.Write(p)
		l.size += int64(n)
	}
	return len(p), nil
}

// rotate begins a new file.
func (l *logFile) rotate() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	_ = os.Rename(l.path, l.path+".1") // where it cannot be kept, it is lost
	_ = l.open(os.O_TRUNC)             // the next write tries again
}

// tail returns the last lines that were written since the log was opened, at most
// n of them; nil if there are none.
func (l *logFile) tail(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := bytes.TrimSpace(l.last)
	if len(text) == 0 {
		return nil
	}
	lines := strings.Split(string(text), "\n")
	return lines[max(0, len(lines)-n):]
}

// Close closes the file. It may be called again.
func (l *logFile) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}
