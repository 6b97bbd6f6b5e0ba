package local

import (
	"os"
	"syscall"
)

// port is a port of 127.0.0.1 that nobody else gets as long as it is reserved.
type port struct {
	number int
	fd     int
}

// reservePort takes a free port. The socket that holds it is bound and does not
// listen: Linux then gives the port to nobody who asks for any, yet lets the
// program that knows its number listen on it, as both allow the address to be
// reused. While the program is away connections are refused at once.
func reservePort() (*port, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	p := &port{fd: fd}
	if err := p.bind(); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

func (p *port) bind() error {
	if err := syscall.SetsockoptInt(p.fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(p.fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	addr, err := syscall.Getsockname(p.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	p.number = addr.(*syscall.SockaddrInet4).Port
	return nil
}

func (p *port) release() { _ = syscall.Close(p.fd) }
