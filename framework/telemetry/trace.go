package telemetry

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Trace is the W3C trace context of a request (https://www.w3.org/TR/trace-context/).
// A function takes part in a trace without recording spans of its own, so it
// passes both headers on as they came.
type Trace struct {
	Parent string // the traceparent header, always valid
	State  string // the tracestate headers as one, "" if there is none
}

const parentLength = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

// TraceOf returns the trace that a request belongs to: its own, or, if it names
// none or a malformed one, a new one.
func TraceOf(h http.Header) Trace {
	if v := h["Traceparent"]; len(v) == 1 && validParent(v[0]) {
		return Trace{Parent: v[0], State: strings.Join(h["Tracestate"], ",")}
	}
	return newTrace()
}

// newTrace starts a trace that is not sampled. Its ids need to be unique, not
// secret.
func newTrace() Trace {
	const digits = "0123456789abcdef"
	b := []byte("00-00000000000000000000000000000000-0000000000000000-00")
	fill := func(part []byte) {
		for i := 0; i < len(part); i += 16 {
			for j, bits := i, rand.Uint64()|1; j < i+16; j++ {
				part[j], bits = digits[bits&15], bits>>4
			}
		}
	}
	fill(b[3:35])
	fill(b[36:52])
	return Trace{Parent: string(b)}
}

// ID returns the trace id, 32 hexadecimal digits.
func (t Trace) ID() string {
	if len(t.Parent) < parentLength {
		return ""
	}
	return t.Parent[3:35]
}

// Set writes the trace's headers into those of an outgoing request, instead of
// what is there. The zero Trace writes none.
func (t Trace) Set(h http.Header) {
	if t.Parent == "" {
		return
	}
	h.Set("Traceparent", t.Parent)
	h.Del("Tracestate")
	if t.State != "" {
		h.Set("Tracestate", t.State)
	}
}

type traceKey struct{}

// WithTrace returns a context that carries the trace.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceFrom returns the trace that ctx carries, the zero Trace if none.
func TraceFrom(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}

// validParent reports whether s is a traceparent of a known form. Versions above
// 00 may be longer, and are read by the same first four fields.
func validParent(s string) bool {
	switch {
	case len(s) < parentLength, s[2] != '-', s[35] != '-', s[52] != '-', s[:2] == "ff":
		return false
	case len(s) > parentLength && (s[:2] == "00" || s[parentLength] != '-'):
		return false
	}
	return isHex(s[:2]) && isID(s[3:35]) && isID(s[36:52]) && isHex(s[53:55])
}

// isID reports whether s is a lower-case hexadecimal number other than 0.
func isID(s string) bool {
	zero := true
	for i := range len(s) {
		zero = zero && s[i] == '0'
	}
	return !zero && isHex(s)
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// NewID returns 16 random hexadecimal digits, to find a log line by.
func NewID() string {
	var b [8]byte
	for i, bits := 0, rand.Uint64(); i < len(b); i, bits = i+1, bits>>8 {
		b[i] = byte(bits)
	}
	return hex.EncodeToString(b[:])
}
