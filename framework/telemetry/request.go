package telemetry

import (
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Request is what the log tells of one request.
type Request struct {
	At     time.Time // when it was over
	Route  string
	Status int
	Took   time.Duration
	Trace  string // its id
	Params int64  // the version that answered; below 0 for none
	ID     string // of the error that the client was told
	Error  string // "" for none
}

// Request writes the line of one request. It is the line that slog would write of
// the same attributes, but as every request costs one, it is put together here.
func (l *Log) Request(level slog.Level, r *Request) {
	if level < l.level {
		return
	}
	next := lines.Get().(*line)
	next.text = l.appendRequest(next.text[:0], &next.clock, level, r)
	_, _ = l.out.Write(next.text) // there is nobody to tell
	lines.Put(next)
	if level >= slog.LevelWarn {
		_ = l.out.flush()
	}
}

// line is a line in the making. Lines are used again, each with its clock.
type line struct {
	text  []byte
	clock clock
}

var lines = sync.Pool{New: func() any { return new(line) }}

func (l *Log) appendRequest(b []byte, c *clock, level slog.Level, r *Request) []byte {
	b = append(b, `{"time":"`...)
	b = c.append(b, r.At)
	b = append(b, `","level":"`...)
	b = append(b, level.String()...)
	b = append(b, `","msg":"request"`...)
	b = append(b, l.attrs...)
	b = appendText(b, `,"route":`, r.Route)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(r.Status), 10)
	ms, us := r.Took/time.Millisecond, r.Took%time.Millisecond/time.Microsecond
	b = strconv.AppendInt(append(b, `,"ms":`...), int64(ms), 10)
	b = appendFraction(b, int64(us), 3)
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

// clock writes times in UTC as slog does. It keeps the text of the last second, which
// most lines share with the line before.
type clock struct {
	second int64
	text   []byte // of that second, nil before the first
}

func (c *clock) append(b []byte, t time.Time) []byte {
	if s := t.Unix(); s != c.second || c.text == nil {
		c.second, c.text = s, t.UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05")
	}
	b = appendFraction(append(b, c.text...), int64(t.Nanosecond()), 9)
	return append(b, 'Z')
}

// appendFraction appends a decimal point and n with so many digits, without the zeros
// at their end: nothing for 0.
func appendFraction(b []byte, n int64, digits int) []byte {
	if n == 0 {
		return b
	}
	for ; n%10 == 0; n /= 10 {
		digits--
	}
	b = append(b, ".000000000"[:1+digits]...)
	for i := len(b) - 1; n > 0; i, n = i-1, n/10 {
		b[i] = byte('0' + n%10)
	}
	return b
}

// appendText appends a member whose value is a text. What is not UTF-8 in it becomes
// the replacement character.
func appendText(b []byte, name, value string) []byte {
	b, _ = jsontext.AppendQuote(append(b, name...), value)
	return b
}
