package console

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
)

const (
	// mostBodies is how many bytes are held of all bodies together. A pod of the gateway
	// has 256 MiB, and Go may use twice what is held until it collects what is not.
	mostBodies = 64 << 20

	// mostAhead is how much room is made at most for a body that has not come yet. One
	// that is not larger is small.
	mostAhead = 64 << 10

	// bodyTimeout is how long a body may take to come. It is read before anybody looks at
	// a token. The largest one, of 1 MiB, comes in time at 420 kbit/s.
	bodyTimeout = 20 * time.Second
)

// bodies counts the bytes of the bodies that are held.
type bodies struct {
	most int64
	held atomic.Int64
}

var errBodies = errors.New("too many bodies are held")

// read reads all of a body, of which a length was promised, -1 for none. What it returns
// is counted until it is freed, with an error too.
func (b *bodies) read(in io.Reader, promised int64) ([]byte, error) {
	var body []byte
	for {
		if len(body) == cap(body) {
			// There is room for what has come, beside a little, not for what is promised.
			room := int64(cap(body))
			more := max(room, 512)
			if promised >= 0 {
				more = min(max(room, mostAhead), promised+1-room)
			}
			if !b.take(room, more) {
				return body, errBodies
			}
			body = append(make([]byte, 0, room+more), body...)
		}
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return body, err
		}
	}
}

// take counts more room for a body that has some, if there is. The last fourth is for
// small bodies: whoever sends large ones slowly keeps out no others.
func (b *bodies) take(room, more int64) bool {
	most := b.most
	if room+more > mostAhead {
		most -= most / 4
	}
	if b.held.Add(more) > most {
		b.held.Add(-more)
		return false
	}
	return true
}

// free counts a body no more.
func (b *bodies) free(body []byte) { b.held.Add(-int64(cap(body))) }

// readBody reads at most maxBody bytes, before the read deadline that ServeHTTP
// set. Where it fails the deadline stays, for what the server still reads. The caller
// frees the body.
func (g *Gateway) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	tooLarge := fault.New(fault.TooLarge, "the body is over the limit of %d bytes", g.maxBody)
	if r.ContentLength > g.maxBody {
		return nil, tooLarge
	}
	in := io.Reader(r.Body) // which ends at its length
	if r.ContentLength < 0 {
		in = http.MaxBytesReader(w, r.Body, g.maxBody)
	}
	body, err := g.bodies.read(in, r.ContentLength)
	if err == nil {
		return body, nil
	}
	g.bodies.free(body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if errors.Is(err, errBodies) {
		return nil, fault.Away(time.Second, nil, "too many large requests come at once")
	}
	return nil, &fault.Error{Kind: fault.Invalid, Message: "the body did not arrive whole", Err: err}
}
