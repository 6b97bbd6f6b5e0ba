//go:build !linux

package local

import "net"

// port is a port of 127.0.0.1 that was free when it was reserved.
type port struct{ number int }

// reservePort finds a free port. Nothing holds it until the program listens.
func reservePort() (*port, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return &port{number: l.Addr().(*net.TCPAddr).Port}, nil
}

func (*port) release() {}
