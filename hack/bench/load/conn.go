//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// conn is one connection, with at most one request under way.
type conn struct {
	fd   int
	due  time.Time // when the request was to be sent
	sent *Exchange
	buf  []byte // an answer is larger than this only if it is wrong
	have int    // bytes of the answer so far
}

func dial(addr netip.AddrPort) (*conn, error) {
	to := &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	err = errors.Join(unix.Connect(fd, to), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &conn{fd: fd, buf: make([]byte, 4<<10)}, nil
}

func (c *conn) send(x *Exchange) error {
	c.sent, c.have = x, 0
	n, err := unix.Write(c.fd, x.Request)
	if err == nil && n < len(x.Request) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("sending a request: %w", err)
	}
	return nil
}

// receive takes what has come, and reports whether the answer is complete.
func (c *conn) receive() (done bool, err error) {
	n, err := unix.Read(c.fd, c.buf[c.have:])
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return false, fmt.Errorf("reading an answer: %w", err)
	}
	c.have += n
	done, err = c.sent.Check(c.buf[:c.have])
	if err == nil && !done && c.have == len(c.buf) {
		err = errors.New("an answer is too large")
	}
	return done, err
}

var (
	headerEnd     = []byte("\r\n\r\n")
	statusOK      = []byte("HTTP/1.1 200 ")
	contentLength = []byte("\r\nContent-Length: ")
)

// Check looks at what has come in answer to the request, and reports whether it
// is complete. An answer that is not the expected one is an error.
func (x *Exchange) Check(got []byte) (done bool, err error) {
	end := bytes.Index(got, headerEnd)
	if end < 0 {
		return false, nil
	}
	header, body := got[:end], got[end+len(headerEnd):]
	if !bytes.HasPrefix(header, statusOK) {
		return false, x.wrong(got)
	}
	_, field, found := bytes.Cut(header, contentLength)
	if !found {
		return false, x.wrong(got)
	}
	field, _, _ = bytes.Cut(field, headerEnd[:2])
	length, err := strconv.Atoi(string(field))
	if err != nil || len(body) > length {
		return false, x.wrong(got)
	}
	if len(body) < length {
		return false, nil
	}
	if !bytes.Equal(bytes.TrimSuffix(body, []byte("\n")), x.Answer) {
		return false, x.wrong(got)
	}
	return true, nil
}

func (x *Exchange) wrong(got []byte) error {
	return fmt.Errorf("wrong answer\n--- request\n%s\n--- expected\n200 %s\n--- got\n%s", x.Request, x.Answer, got)
}
