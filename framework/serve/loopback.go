package serve

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/modelfn/modelfn/framework/fault"
	"github.com/modelfn/modelfn/framework/telemetry"
)

// IsLoopback reports whether a listener's address can be reached from this
// machine only.
func IsLoopback(addr net.Addr) bool {
	at, err := netip.ParseAddrPort(addr.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// Loopback puts next behind the rules for a listener on loopback that asks for no
// token, so that a page of another site, opened in a browser on this machine,
// can neither read from it nor write to it:
//
//   - the Host header must be a name that the listener has (its address,
//     127.0.0.1, localhost or [::1], with its port), or else another site's name
//     could be made to point here (DNS rebinding);
//   - a method other than GET, HEAD and OPTIONS must not come from another
//     origin, by Sec-Fetch-Site or Origin. Programs send neither, and pass.
//
// The address that is listened on decides, never the peer's: behind a proxy of
// this machine every peer is on loopback. What breaks a rule gets 403.
func Loopback(addr net.Addr, next Drainable) Drainable {
	return &loopback{Drainable: next, names: loopbackNames(addr), origins: http.NewCrossOriginProtection()}
}

type loopback struct {
	Drainable
	names   map[string]bool
	origins *http.CrossOriginProtection
}

func (l *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.names[strings.ToLower(r.Host)] {
		forbid(w, "this listener does not have that Host name")
		return
	}
	// With the host known to be ours, an origin of the same host is ours.
	if err := l.origins.Check(r); err != nil {
		forbid(w, "not from another origin")
		return
	}
	l.Drainable.ServeHTTP(w, r)
}

// loopbackNames returns the Host headers of a loopback listener.
func loopbackNames(addr net.Addr) map[string]bool {
	names := map[string]bool{}
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return names
	}
	port := strconv.Itoa(int(at.Port()))
	for _, host := range []string{at.Addr().Unmap().String(), "127.0.0.1", "::1", "localhost"} {
		names[net.JoinHostPort(host, port)] = true
		if port == "80" { // a client leaves out the port that its scheme implies
			names[strings.TrimSuffix(net.JoinHostPort(host, port), ":80")] = true
		}
	}
	return names
}

func forbid(w http.ResponseWriter, message string) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(fault.Forbidden.Status())
	_ = json.MarshalWrite(w, problem{message, telemetry.NewID()}) // a client that went away cannot be told
}

// problem is the body of every error.
type problem struct {
	Error string `json:"error"`
	ID    string `json:"id"`
}
