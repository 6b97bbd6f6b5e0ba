package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Log lines wait in memory for at most flushAfter, or until flushSize bytes are
// there, so that a request costs no system call. A warning or an error is written
// at once, with all that came before it.
const (
	flushAfter = 100 * time.Millisecond
	flushSize  = 32 << 10
)

// Log writes JSON lines. Close it at the end, or the last lines are lost.
type Log struct {
	*slog.Logger
	out   *buffer
	level slog.Level
	attrs []byte // of every line, as they are written
}

// NewLog returns a log to w of the lines at a level and above; each carries the
// attributes. Times are in UTC.
func NewLog(w io.Writer, level slog.Level, attrs ...slog.Attr) *Log {
	out := &buffer{w: w}
	json := slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level})
	return &Log{slog.New(flusher{json.WithAttrs(attrs), out}), out, level, written(attrs)}
}

// written returns attributes as slog writes them, with a comma before each.
func written(attrs []slog.Attr) []byte {
	var b bytes.Buffer
	bare := slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}})
	_ = bare.WithAttrs(attrs).Handle(context.Background(), slog.Record{}) // a Buffer does not fail
	members := bytes.TrimSuffix(bytes.TrimPrefix(b.Bytes(), []byte("{")), []byte("}\n"))
	if len(members) == 0 {
		return nil
	}
	return append([]byte{','}, members...)
}

// Close writes what is left. The log can be used after it, and closed again.
func (l *Log) Close() error { return l.out.flush() }

// flusher writes grave lines at once.
type flusher struct {
	slog.Handler
	out *buffer
}

func (f flusher) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.UTC()
	err := f.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		return f.out.flush()
	}
	return err
}

func (f flusher) WithAttrs(attrs []slog.Attr) slog.Handler {
	return flusher{f.Handler.WithAttrs(attrs), f.out}
}

func (f flusher) WithGroup(name string) slog.Handler {
	return flusher{f.Handler.WithGroup(name), f.out}
}

// buffer gathers lines for one write.
type buffer struct {
	w io.Writer

	mu    sync.Mutex // guards lines, spare and timer
	lines []byte
	timer *time.Timer // runs while lines wait

	out   sync.Mutex // one write at a time, in order; held before mu
	spare []byte
}

func (b *buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	b.begin()
	b.lines = append(b.lines, line...)
	full := len(b.lines) >= flushSize
	b.mu.Unlock()
	if full {
		return len(line), b.flush()
	}
	return len(line), nil
}

// begin starts the timer for the first line that waits. The lock is held.
func (b *buffer) begin() {
	switch {
	case len(b.lines) > 0:
	case b.timer == nil:
		b.timer = time.AfterFunc(flushAfter, func() { _ = b.flush() })
	default:
		b.timer.Reset(flushAfter)
	}
}

func (b *buffer) flush() error {
	b.out.Lock()
	defer b.out.Unlock()
	b.mu.Lock()
	lines := b.lines
	b.lines, b.spare = b.spare[:0], lines
	b.mu.Unlock()
	if len(lines) == 0 {
		return nil
	}
	_, err := b.w.Write(lines)
	return err
}
