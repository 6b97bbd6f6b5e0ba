package telemetry

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Request is what the log tells of one request.
type Request struct {
	Route  string
	Status int
	Took   time.Duration
	Trace  string // its id
	Params int64  // the version that answered; below 0 for none
	ID     string // of the error that the client was told
	Error  string // "" for none
}

// Request writes the line of one request. It is the line that slog would write of
// the same attributes, but as every request costs one, it is written straight into
// the buffer.
func (l *Log) Request(level slog.Level, r *Request) {
	if level < l.level {
		return
	}
	l.out.mu.Lock()
	l.out.begin()
	l.out.lines = l.appendRequest(l.out.lines, level, r)
	full := len(l.out.lines) >= flushSize
	l.out.mu.Unlock()
	if full || level >= slog.LevelWarn {
		_ = l.out.flush() // there is nobody to tell
	}
}

func (l *Log) appendRequest(b []byte, level slog.Level, r *Request) []byte {
	b = append(b, `{"time":"`...)
	b = time.Now().UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"`...)
	b = append(b, level.String()...)
	b = append(b, `","msg":"request"`...)
	b = append(b, l.attrs...)
	b = appendText(b, `,"route":`, r.Route)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(r.Status), 10)
	b = jsontext.AppendFloat(append(b, `,"ms":`...), float64(r.Took.Microseconds())/1000, 64)
	b = appendText(b, `,"trace":`, r.Trace)
	if r.Params >= 0 {
		b = strconv.AppendInt(append(b, `,"params":`...), r.Params, 10)
	}
	if r.Error != "" {
		b = appendText(b, `,"id":`, r.ID)
		b = appendText(b, `,"error":`, r.Error)
	}
	return append(b, "}\n"...)
}

// appendText appends a member whose value is a text. What is not UTF-8 in it becomes
// the replacement character.
func appendText(b []byte, name, value string) []byte {
	b, _ = jsontext.AppendQuote(append(b, name...), value)
	return b
}
