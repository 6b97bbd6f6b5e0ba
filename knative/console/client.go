package console

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of those that stand in front of the gateway, such as an
// ingress: only what they say of where a request comes from is believed.
type Proxies []netip.Prefix

// ParseProxies reads networks or addresses, separated by commas, such as
// "127.0.0.1,10.244.0.0/16".
func ParseProxies(text string) (Proxies, error) {
	var all Proxies
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		network, err := netip.ParsePrefix(part)
		if addr, addrErr := netip.ParseAddr(part); addrErr == nil {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not a network such as 10.244.0.0/16", part)
		}
		all = append(all, network)
	}
	return all, nil
}

// client returns the address that a request comes from: of the addresses that it
// passed, the last one that is no proxy. It is the zero address if no proxies are
// known, for then the peer may be one, and speak for everybody.
//
// An IPv6 address stands for its network of 64 bits, all of which one client has.
func (p Proxies) client(r *http.Request) netip.Addr {
	if len(p) == 0 {
		return netip.Addr{}
	}
	at, err := parseHop(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !p.has(at) {
			break
		}
		before, err := parseHop(hop)
		if err != nil {
			break // the proxy does not know either
		}
		at = before
	}
	if at.Is6() {
		network, _ := at.Prefix(64) // that many bits it has
		return network.Addr()
	}
	return at
}

func (p Proxies) has(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// parseHop reads an address, with or without a port.
func parseHop(text string) (netip.Addr, error) {
	text = strings.TrimSpace(text)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		var at netip.AddrPort
		if at, err = netip.ParseAddrPort(text); err != nil {
			return netip.Addr{}, err
		}
		addr = at.Addr()
	}
	return addr.Unmap().WithZone(""), nil
}

// clientOf returns who makes a request, as far as it is known; "" if it is not.
func (g *Gateway) clientOf(r *http.Request) string {
	if addr := g.proxies.client(r); addr.IsValid() {
		return addr.String()
	}
	return ""
}
