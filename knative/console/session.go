package console

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/modelfn/modelfn/framework/fault"
)

// showSession answers who the request's token belongs to.
func (g *Gateway) showSession(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	name, err := g.owner(r)
	if err != nil {
		g.fail(w, r, fault.From(err))
		return
	}
	answerJSON(w, http.StatusOK, Session{Name: name})
}

// owner returns who makes a request that needs the right to write, or a fault. After
// too many wrong tokens a client is not told a wrong one from a good one. Where the
// client is not known, the peer may speak for everybody: there a good token passes,
// lest one who guesses keep all others out.
func (g *Gateway) owner(r *http.Request) (string, error) {
	if g.open {
		return "", nil
	}
	if g.tokens == nil {
		return "", fault.New(fault.Forbidden, "nobody may write here: the gateway knows no tokens")
	}
	from := g.clientOf(r)
	known := from != ""
	if !known {
		from, _, _ = net.SplitHostPort(r.RemoteAddr)
	}
	after := g.guesses.wait(from, time.Now())
	limited := &fault.Error{Kind: fault.Busy, Message: "too many wrong tokens came from your address", RetryAfter: after}
	if after > 0 && known {
		return "", limited
	}
	name, err := g.tokens.Require(r)
	if err == nil || r.Header.Get("Authorization") == "" {
		return name, err
	}
	if after > 0 {
		return "", limited
	}
	g.guesses.missed(from, time.Now())
	return "", err
}

// guesses counts wrong tokens by the address that they came from. Tokens are long and
// random: this is for whoever does not keep to that.
type guesses struct {
	mu   sync.Mutex // guards from
	from map[string]misses
}

type misses struct {
	count int
	since time.Time
}

const (
	mostMisses    = 20 // within missesWithin
	missesWithin  = time.Minute
	mostAddresses = 10_000
)

// wait returns how long an address has to wait, 0 if it may go on.
func (g *guesses) wait(from string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.from[from]
	if m.count < mostMisses {
		return 0
	}
	return max(0, missesWithin-now.Sub(m.since))
}

// missed counts a wrong token.
func (g *guesses) missed(from string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.from == nil {
		g.from = map[string]misses{}
	}
	m := g.from[from]
	if now.Sub(m.since) >= missesWithin {
		m = misses{since: now}
	}
	m.count++
	if _, ok := g.from[from]; !ok && len(g.from) >= mostAddresses {
		clear(g.from) // better to forget than to grow
	}
	g.from[from] = m
}
