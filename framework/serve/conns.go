package serve

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conns knows the connections of a server, and which of them wait for a request.
//
// http.Server.Shutdown closes a connection that looked idle a moment ago, even if
// a request has been read from it since. Here an idle connection runs into its
// read deadline instead, under the same lock that marks it busy and lifts the
// deadline again: a request that was read is always answered.
//
// It keeps the read deadlines itself. net/http moves one five times for a request,
// and a timer of the runtime for each is a tenth of what a small request costs. Here
// they are only noted, and [conns.sweep] ends what is due. The same goes for the
// read by which net/http learns that a client went away while its request is
// answered: it begins with the next sweep, and most answers are out by then.
//
// A write has no deadline, as nobody knows how long an answer will be. The sweep
// closes a connection of which one write stands for too long: its client does not read.
type conns struct {
	stall time.Duration // how long a write may stand; as long as it likes if zero

	mu  sync.Mutex // guards all
	all map[*conn]struct{}
}

// conn is one connection.
type conn struct {
	net.Conn
	owner *conns
	born  time.Time

	writes atomic.Uint64 // begun and ended: odd while one stands, as net/http has one at a time

	mu      sync.Mutex // guards what follows, and the read deadline of Conn
	busy    bool       // a request was read, and is not answered yet
	used    bool       // a request was answered
	due     time.Time  // when its reads have to end; zero for never
	ended   bool       // its reads end at once
	over    bool       // for good: a drain has begun, and no request was read since
	reading int        // reads of Conn under way
	cut     bool       // those were ended
	waiting bool       // a read waits for the next sweep
	swept   sync.Cond  // of mu: ended or waiting changed
	stood   uint64     // what writes was at the last sweep
	since   time.Time  // when it began to be that, or no write stood
}

// grace is how long a connection that was just opened may take to send its first
// request when a drain has begun.
const grace = time.Second

// lateness is how long a read may go on after its deadline.
const lateness = 200 * time.Millisecond

// piece is how much is written at once, in bytes: who takes so much in time reads.
const piece = 64 << 10

// track returns a listener whose connections are known.
func (c *conns) track(l net.Listener) net.Listener { return &trackedListener{l, c} }

type trackedListener struct {
	net.Listener
	conns *conns
}

func (l *trackedListener) Accept() (net.Conn, error) {
	plain, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: plain, owner: l.conns, born: time.Now()}
	c.swept.L = &c.mu
	l.conns.mu.Lock()
	defer l.conns.mu.Unlock()
	if l.conns.all == nil {
		l.conns.all = map[*conn]struct{}{}
	}
	l.conns.all[c] = struct{}{}
	return c, nil
}

// Close closes the connection and forgets it.
func (c *conn) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.all, c)
	c.owner.mu.Unlock()
	c.mu.Lock()
	c.busy = false // no read waits for a sweep any more
	c.goOn()
	c.mu.Unlock()
	return c.Conn.Close()
}

// Read reads from the connection. A read of one byte while a request is answered is
// net/http's look at whether the client is still there.
func (c *conn) Read(p []byte) (int, error) {
	if !c.begin(len(p) == 1) {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading--
	if err != nil {
		c.hangUp()
	}
	return n, err
}

// Write writes to the connection, one piece after another.
func (c *conn) Write(p []byte) (int, error) {
	for n := 0; ; {
		c.writes.Add(1)
		more, err := c.Conn.Write(p[n:min(n+piece, len(p))])
		c.writes.Add(1)
		if n += more; err != nil || n == len(p) {
			return n, err
		}
	}
}

// hangUp closes a connection that a drain has ended: net/http would answer the half of
// a header that came before as a bad request. The caller holds mu.
func (c *conn) hangUp() {
	if c.over {
		_ = c.Conn.Close() // nobody is left to tell
	}
}

// begin reports whether a read may begin, which one that only looks does not before
// the next sweep.
func (c *conn) begin(looks bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = looks && c.busy
	for c.waiting && !c.ended {
		c.swept.Wait()
	}
	c.waiting = false
	if c.ended {
		c.hangUp()
		return false
	}
	c.reading++
	return true
}

// goOn lets the read that waits for a sweep begin. The caller holds mu.
func (c *conn) goOn() {
	if c.waiting {
		c.waiting = false
		c.swept.Broadcast()
	}
}

// CloseWrite tells the client that the answer is over while it may still send: a
// connection that is closed with something unread takes its answer back.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil // the server closes it in a moment
}

// changed is the server's ConnState hook.
func (*conns) changed(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateActive:
		c.busy, c.over = true, false
		_ = c.resume() // the request came before the end: what is left of it has its time
	case http.StateIdle:
		c.busy, c.used = false, true
	}
}

// drain waits until all connections have ended and returns how many have not by
// the deadline. It ends those that wait for a request, again and again: the
// server sets deadlines of its own between two requests.
func (c *conns) drain(deadline time.Time) (left int) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if left = c.endIdle(); left == 0 || time.Now().After(deadline) {
			return left
		}
		<-tick.C
	}
}

func (c *conns) endIdle() (left int) { return c.each((*conn).endIfIdle) }

// sweep ends the reads that are due, and what stands for too long, until stop is closed.
func (c *conns) sweep(stop <-chan struct{}) {
	tick := time.NewTicker(lateness)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			c.look(now)
		case <-stop:
			return
		}
	}
}

// look has every connection end its reads that are due, and see whether its client is
// still there, and reads.
func (c *conns) look(now time.Time) {
	c.each(func(one *conn) {
		if stands := one.look(now); c.stall > 0 && stands >= c.stall {
			_ = one.Close() // nobody is left to tell
		}
	})
}

// each calls f with every connection, and returns how many there are.
func (c *conns) each(f func(*conn)) int {
	c.mu.Lock()
	all := make([]*conn, 0, len(c.all))
	for one := range c.all {
		all = append(all, one)
	}
	c.mu.Unlock()
	for _, one := range all {
		f(one)
	}
	return len(all)
}

// SetReadDeadline says when reads have to end. Those of a time before the connection
// end at once; net/http breaks a read off with one. Others may end up to [lateness]
// after it. Unlike that of other connections, it does not fail on a closed one.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due = t
	if !t.IsZero() && t.Before(c.born) {
		return c.end()
	}
	return c.resume()
}

// SetDeadline says when reads and writes have to end.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// look is [conns.look] for one connection. It returns how long a write has stood.
func (c *conn) look(now time.Time) (stands time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.goOn()
	if !c.due.IsZero() && !c.due.After(now) {
		_ = c.end() // a connection that is closed already needs none
	}
	if n := c.writes.Load(); n%2 == 0 || n != c.stood {
		c.stood, c.since = n, now
	}
	return now.Sub(c.since)
}

func (c *conn) endIfIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy && (c.used || time.Since(c.born) > grace) {
		c.over = true
		_ = c.end() // a connection that is closed already needs none
	}
}

// end ends reads at once, that which waits and those to come. The caller holds mu.
func (c *conn) end() error {
	if c.ended {
		return nil
	}
	c.ended = true
	if c.waiting {
		c.swept.Broadcast()
	}
	if c.reading == 0 {
		return nil
	}
	c.cut = true
	return c.Conn.SetReadDeadline(time.Unix(1, 0))
}

// resume lets reads wait again until they are due. The caller holds mu.
func (c *conn) resume() error {
	c.ended = false
	if !c.cut {
		return nil
	}
	c.cut = false
	return c.Conn.SetReadDeadline(time.Time{})
}
