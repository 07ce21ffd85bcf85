package northbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/corecast/corecast/northbound/auth"
)

// watched makes a listener's connections ones that are watched.
type watched struct{ net.Listener }

// Accept implements net.Listener.
func (l watched) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c}, nil
}

// connection knows what net/http tells nobody: that it refused a request itself,
// before any handler saw it. All but rested is since it was idle last.
type connection struct {
	net.Conn
	came     atomic.Bool  // something was read
	wrote    atomic.Int64 // bytes that were written
	broken   atomic.Int32 // how reading failed, if it did
	active   atomic.Bool  // net/http says that there is a request
	answered atomic.Bool  // a handler has one
	rested   atomic.Bool  // it was idle before
}

// How reading failed.
const (
	readFine int32 = iota
	readSlow       // the client took too long
	readGone       // the client went away
)

// farewell is more than TLS writes when it hangs up, and less than any answer.
const farewell = 64

// Read implements net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.came.Store(true)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.broken.Store(readSlow)
	case err != nil:
		c.broken.Store(readGone)
	}
	return n, err
}

// Write implements net.Conn.
func (c *connection) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.wrote.Add(int64(n))
	return n, err
}

// rest begins anew: the next request is another.
func (c *connection) rest() {
	c.came.Store(false)
	c.wrote.Store(0)
	c.broken.Store(readFine) // net/http breaks off a Read of its own after each request
	c.active.Store(false)
	c.answered.Store(false)
	c.rested.Store(true)
}

// connectionOf returns the watched connection beneath one of net/http.
func connectionOf(c net.Conn) (beneath *connection, secured *tls.Conn) {
	if secured, _ = c.(*tls.Conn); secured != nil {
		c = secured.NetConn()
	}
	beneath, _ = c.(*connection)
	return beneath, secured
}

type connectionKey struct{}

// withConnection lets handlers find their connection.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	beneath, _ := connectionOf(c)
	return context.WithValue(ctx, connectionKey{}, beneath)
}

// taken notes that a handler has the request of a connection.
func taken(ctx context.Context) {
	if c, _ := ctx.Value(connectionKey{}).(*connection); c != nil {
		c.answered.Store(true)
	}
}

// watch counts requests that no handler saw; it is told the states of connections.
func (s *Server) watch(conn net.Conn, state http.ConnState) {
	c, secured := connectionOf(conn)
	if c == nil {
		return
	}
	switch state {
	case http.StateActive:
		c.active.Store(true)
	case http.StateIdle, http.StateClosed:
		if reason, detail := c.turnedAway(secured); reason != "" {
			s.note(reason, c.RemoteAddr().String(), "", detail)
		}
		c.rest()
	}
}

// turnedAway is why net/http or TLS refused what came, or empty if they did not: who
// went away was not refused.
func (c *connection) turnedAway(secured *tls.Conn) (reason auth.Reason, detail string) {
	var state tls.ConnectionState
	if secured != nil {
		state = secured.ConnectionState()
	}
	isHTTP2 := state.NegotiatedProtocol == "h2"
	shaking := secured != nil && !state.HandshakeComplete
	switch {
	case c.answered.Load() || c.broken.Load() == readGone:
		return "", ""
	case isHTTP2 && !c.rested.Load(): // which begins as if there were a request
		return "", ""
	case c.broken.Load() == readSlow: // a browser may connect, and have nothing to ask
		if c.came.Load() && (shaking || c.active.Load() || c.rested.Load()) {
			return auth.ReasonSlow, "it took too long to come"
		}
	case shaking && c.came.Load():
		return auth.ReasonTLS, "the TLS handshake failed"
	case c.active.Load() || c.rested.Load() && !isHTTP2 && c.wrote.Load() > farewell:
		return auth.ReasonMalformed, "it is no request of HTTP, or its head is too long"
	}
	return "", ""
}
