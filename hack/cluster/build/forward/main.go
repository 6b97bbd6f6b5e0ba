// Forward lets this machine's browser look at a host of the cluster, whose network it
// does not reach:
//
//	forward PORT HOST INGRESS COMMAND [ARGUMENT ...]
//
// It listens on 127.0.0.1:PORT and becomes the command, followed by its own command
// line. The command is to run that on the node: there it finds its listener again, and
// passes requests on to the address of the ingress as such for the host.
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"syscall"
)

// inherited is the number of the listener's file, which stays open through exec.
const inherited = 3

// onNode tells the program that it is on the node.
const onNode = "FORWARD_ON_NODE"

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "forward:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 5 {
		return fmt.Errorf("usage: %s PORT HOST INGRESS COMMAND", args[0])
	}
	port, host, ingress, command := args[1], args[2], args[3], args[4:]
	if os.Getenv(onNode) == "" {
		return enter(port, append(command, args...))
	}
	listener, err := net.FileListener(os.NewFile(inherited, "listener"))
	if err != nil {
		return err
	}
	fmt.Printf("http://%s is http://%s, until Ctrl-C\n", listener.Addr(), host)
	return http.Serve(listener, forward(port, host, ingress))
}

// enter listens, and becomes a command that has the listener.
func enter(port string, command []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	if err := syscall.Dup3(int(file.Fd()), inherited, 0); err != nil {
		return err
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, command, append(os.Environ(), onNode+"=yes"))
}

// forward passes requests on. Those for another name are none of a person's: a site
// may have led its name here.
func forward(port, host, ingress string) http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: ingress})
		r.Out.Host = host
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "127.0.0.1:"+port && r.Host != "localhost:"+port {
			http.Error(w, "not a name of this address", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}
