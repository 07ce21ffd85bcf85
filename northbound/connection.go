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
// before any handler saw it. It goes by the states that net/http puts the
// connection in: active when a request begins, idle or closed when it is over.
type connection struct {
	net.Conn
	began    atomic.Bool  // anything has come
	broken   atomic.Int32 // how reading failed, if it did
	active   atomic.Bool  // a request has come
	answered atomic.Bool  // and a handler has it
	greeted  atomic.Bool  // it was idle before
}

// How reading failed.
const (
	readFine int32 = iota
	readSlow       // the client took too long
	readGone       // the client went away
)

// Read implements net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.began.Store(true)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.broken.Store(readSlow)
	case err != nil:
		c.broken.Store(readGone)
	}
	return n, err
}

// connectionOf returns the watched connection beneath one of net/http.
func connectionOf(c net.Conn) (watched *connection, secured *tls.Conn) {
	if secured, _ = c.(*tls.Conn); secured != nil {
		c = secured.NetConn()
	}
	watched, _ = c.(*connection)
	return watched, secured
}

type connectionKey struct{}

// withConnection lets handlers find their connection.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	watched, _ := connectionOf(c)
	return context.WithValue(ctx, connectionKey{}, watched)
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
		if !c.greeted.Swap(true) && secured != nil && secured.ConnectionState().NegotiatedProtocol == "h2" {
			c.active.Store(false) // HTTP/2 begins as if there were a request
		} else if c.active.Swap(false) && !c.answered.Swap(false) {
			s.turnedAway(c, auth.ReasonMalformed, "it is no request of HTTP, or its head is too long")
		} else if state == http.StateClosed && secured != nil && c.began.Load() && !secured.ConnectionState().HandshakeComplete {
			s.turnedAway(c, auth.ReasonTLS, "the TLS handshake failed")
		}
	}
}

// turnedAway counts and logs what net/http or TLS refused for a reason; who went
// away was not refused.
func (s *Server) turnedAway(c *connection, reason auth.Reason, detail string) {
	switch c.broken.Load() {
	case readGone:
		return
	case readSlow:
		reason, detail = auth.ReasonSlow, "it took too long to come"
	}
	s.note(reason, c.RemoteAddr().String(), "", detail)
}
