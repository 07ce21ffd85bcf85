package input

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	srt "github.com/datarhei/gosrt"
)

// srtInput receives media over SRT, one connection after the other.
type srtInput struct {
	name  string
	opts  Options
	peers srtPeers
	ctx   context.Context
	end   context.CancelFunc
	lost  *time.Timer // closes a connection that is silent; made with the first

	// mu guards conn, which Close closes under the reader.
	mu   sync.Mutex
	conn srt.Conn
}

// srtPeers is where connections come from: a caller or a listener.
type srtPeers interface {
	// next waits for the next connection.
	next(ctx context.Context) (srt.Conn, error)
	// ended says that the last one is over.
	ended()
	close()
}

func openSRT(name string, opts Options) (Input, error) {
	a, err := parseSRT(name)
	if err != nil {
		return nil, err
	}
	s := &srtInput{name: a.display(), opts: opts.withDefaults()}
	s.ctx, s.end = context.WithCancel(context.Background())
	if a.listen {
		s.peers, err = newSRTListener(s.ctx, a, s.opts)
	} else {
		s.peers = &srtCaller{address: a, opts: s.opts}
	}
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *srtInput) Name() string { return s.name }
func (s *srtInput) Live() bool   { return true }

func (s *srtInput) Read(b []byte) (int, error) {
	for {
		conn, err := s.connection()
		if err != nil {
			return 0, err
		}
		s.watch(conn)
		n, err := conn.Read(b)
		silent := !s.lost.Stop()
		if n > 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		s.drop()
		switch {
		case s.ctx.Err() != nil:
			return 0, net.ErrClosed
		case s.opts.Reconnect && silent:
			s.opts.event("nothing has come over %s for %v: waiting for another connection", s.name, s.opts.Silence)
		case s.opts.Reconnect:
			s.opts.event("the connection of %s has ended: waiting for another", s.name)
		case silent:
			return 0, fmt.Errorf("%s %w: nothing came for %v", s.name, ErrSilent, s.opts.Silence)
		default:
			return 0, io.EOF
		}
	}
}

// watch ends a connection over which nothing comes.
func (s *srtInput) watch(conn srt.Conn) {
	if s.lost == nil {
		s.lost = time.AfterFunc(s.opts.Silence, s.dropConnection)
		return
	}
	s.lost.Reset(s.opts.Silence)
}

// connection is the present connection, or the next one.
func (s *srtInput) connection() (srt.Conn, error) {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	ctx := s.ctx
	if !s.opts.Reconnect {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.opts.Silence)
		defer cancel()
	}
	conn, err := s.peers.next(ctx)
	if s.ctx.Err() != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, net.ErrClosed
	}
	if ctx.Err() != nil && conn == nil {
		return nil, fmt.Errorf("%s %w: no connection for %v", s.name, ErrSilent, s.opts.Silence)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot receive from %s: %w", s.name, err)
	}
	s.opts.event("%s is connected with %s", s.name, conn.RemoteAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	return conn, nil
}

// dropConnection closes the present connection; its reader notices.
func (s *srtInput) dropConnection() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// drop forgets the present connection.
func (s *srtInput) drop() {
	s.dropConnection()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	s.peers.ended()
}

func (s *srtInput) Close() error {
	s.end()
	s.dropConnection()
	s.peers.close()
	return nil
}
