// Package fault holds the errors that a caller of a function may see.
//
// A fault has a kind, out of a closed set that maps to one HTTP status each, a
// message for the caller, and, where the caller's data is to blame, the path of
// the field. What went wrong inside stays in the wrapped error: it is for the
// log, and never reaches the caller.
package fault

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Kind says what sort of fault it is. The zero Kind is Internal.
type Kind uint8

// The kinds of faults, each with the one HTTP status it is answered with.
const (
	Internal     Kind = iota // 500: the caller is told an id, and nothing inner
	Invalid                  // 400: the request's content is wrong; Path names the field
	Unauthorized             // 401: a token is missing or wrong
	Forbidden                // 403: not from there, or not with that token
	NotFound                 // 404: no such model, version or route
	Method                   // 405: the route does not take this method
	Conflict                 // 409: it has changed in the meantime
	Precondition             // 412: If-Match names another version
	TooLarge                 // 413: the body is over the limit
	MediaType                // 415: the body is not of a type that the route takes
	Busy                     // 429: too much at once; RetryAfter says when to come back
	Unavailable              // 503: not now; RetryAfter says when to come back
)

var statuses = [...]int{
	Internal: http.StatusInternalServerError, Invalid: http.StatusBadRequest,
	Unauthorized: http.StatusUnauthorized, Forbidden: http.StatusForbidden,
	NotFound: http.StatusNotFound, Method: http.StatusMethodNotAllowed,
	Conflict: http.StatusConflict, Precondition: http.StatusPreconditionFailed,
	TooLarge: http.StatusRequestEntityTooLarge, MediaType: http.StatusUnsupportedMediaType,
	Busy: http.StatusTooManyRequests, Unavailable: http.StatusServiceUnavailable,
}

// Status returns the HTTP status of the kind.
func (k Kind) Status() int { return statuses[k] }

// Error is one fault.
type Error struct {
	Kind Kind

	// Path is the field that is wrong, such as input[2] or params.weights[0];
	// empty if it is not about a field.
	Path string

	// Message tells the caller what is wrong. It never holds anything inner.
	Message string

	// RetryAfter is how long the caller should wait before it tries again; zero
	// for the kinds that trying again does not help.
	RetryAfter time.Duration

	// Err is the cause, for the log alone; may be nil.
	Err error

	problems *Problems // what the message lists, if it is about several fields
}

// New returns a fault of a kind with a formatted message.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Field returns an Invalid fault about the field at path.
func Field(path, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Path: path, Message: fmt.Sprintf(format, args...)}
}

// Away returns an Unavailable fault with its cause.
func Away(after time.Duration, cause error, format string, args ...any) *Error {
	return &Error{Kind: Unavailable, Message: fmt.Sprintf(format, args...), RetryAfter: after, Err: cause}
}

// How much of a path and of a message is told, in bytes: both may quote what the
// caller has sent, and that may be a lot.
const (
	longestPath    = 200
	longestMessage = 1000
)

// Public is what the caller is told. A very long path or message lacks its middle.
func (e *Error) Public() string {
	message := e.Message
	if e.problems == nil { // else each of them is bounded already
		message = clip(message, longestMessage)
	}
	if e.Path == "" {
		return message
	}
	return clip(e.Path, longestPath) + ": " + message
}

// clip cuts a long text in the middle, so that it has about most bytes.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	head, tail := s[:most*3/4], s[len(s)-most/4:]
	return strings.ToValidUTF8(head, "") + "…" + strings.ToValidUTF8(tail, "")
}

// Error is what the log is told: the public message and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Public()
	}
	return e.Public() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Under returns a copy of the fault whose path stands below prefix; if it is made
// of several, the path of each does.
func (e *Error) Under(prefix string) *Error {
	c := *e
	if e.problems == nil {
		c.Path = Join(prefix, e.Path)
		return &c
	}
	under := &Problems{more: e.problems.more}
	for _, one := range e.problems.list {
		under.list = append(under.list, one.Under(prefix))
	}
	c.problems, c.Message = under, under.text()
	return &c
}

// Join puts a path below a prefix: Join("params", "weights[0]") is
// params.weights[0], Join("inputs", "[1]") is inputs[1].
func Join(prefix, path string) string {
	if prefix == "" || path == "" || path[0] == '[' {
		return prefix + path
	}
	return prefix + "." + path
}

// From returns the fault in err's chain. An error without one is Internal, with
// err as its cause.
func From(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Message: "internal error", Err: err}
}

// Problems gathers what is wrong with one value, so that its author sees all of
// it at once. The zero value is empty. It is not safe for concurrent use.
type Problems struct {
	list []*Error
	more int // those above most, which are only counted
}

// most is how many problems are told in full.
const most = 10

// Add notes that the field at path is wrong.
func (p *Problems) Add(path, format string, args ...any) {
	if p.Full() {
		p.more++
		return
	}
	p.list = append(p.list, Field(path, format, args...))
}

// Full reports whether there are so many problems that others are only counted:
// what Add is given does not matter any more.
func (p *Problems) Full() bool { return len(p.list) == most }

// Err returns nil if there are no problems, the fault if there is one, and else
// one Invalid fault whose message lists the first ten.
func (p *Problems) Err() error {
	switch {
	case len(p.list) == 0:
		return nil
	case len(p.list) == 1:
		return p.list[0]
	}
	all := *p
	return &Error{Kind: Invalid, Message: all.text(), problems: &all}
}

// Parts returns the faults that this one is made of: those that [Problems] gathered
// and told, or else itself.
func (e *Error) Parts() []*Error {
	if e.problems == nil {
		return []*Error{e}
	}
	return slices.Clone(e.problems.list)
}

// text lists the problems.
func (p *Problems) text() string {
	lines := make([]string, 0, most+1)
	for _, e := range p.list {
		lines = append(lines, e.Public())
	}
	if p.more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", p.more))
	}
	return strings.Join(lines, "; ")
}
