package live

import (
	"bufio"
	"bytes"
	"io"
	"iter"
)

// longestLine is how long a line of a stream may be, in bytes.
const longestLine = 16 << 20

// Read returns the events of a stream, as a hub writes them, until it ends: with an
// error if it broke off. Comments are passed over.
func Read(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longestLine)
		var e Event
		for lines.Scan() {
			field, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
			switch {
			case len(lines.Bytes()) == 0:
				if e.Name != "" && !yield(e, nil) {
					return
				}
				e = Event{}
			case string(field) == "event":
				e.Name = string(value)
			case string(field) == "data":
				e.Data = bytes.Clone(value)
			}
		}
		if err := lines.Err(); err != nil {
			yield(Event{}, err)
		}
	}
}
