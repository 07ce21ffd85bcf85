package input

import (
	"context"
	"fmt"
	"sync/atomic"

	srt "github.com/datarhei/gosrt"
)

// srtListener lets one encoder at a time publish, and turns away everybody
// else at once.
type srtListener struct {
	address  srtAddress
	opts     Options
	listener srt.Listener
	accepted chan srt.Conn
	busy     atomic.Bool // somebody is connected or about to be, until ended
	done     chan struct{}
}

func newSRTListener(ctx context.Context, a srtAddress, opts Options) (*srtListener, error) {
	config := a.config
	config.StreamId, config.Passphrase = "", "" // theirs count
	listener, err := srt.Listen("srt", a.host, config)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for %s: %w", a.display(), err)
	}
	l := &srtListener{address: a, opts: opts, listener: listener,
		accepted: make(chan srt.Conn, 1), done: make(chan struct{})}
	go l.accept(ctx)
	return l, nil
}

// accept answers every request until the listener is closed.
func (l *srtListener) accept(ctx context.Context) {
	defer close(l.done)
	for {
		request, err := l.listener.Accept2()
		if err != nil {
			return
		}
		if reason, why := l.refusal(request); why != "" {
			request.Reject(reason)
			l.opts.event("%s turned away %s: %s", l.address.display(), request.RemoteAddr(), why)
			continue
		}
		conn, err := request.Accept()
		if err != nil {
			l.busy.Store(false)
			continue
		}
		select {
		case l.accepted <- conn:
		case <-ctx.Done():
			_ = conn.Close()
		}
	}
}

// refusal says why a request is turned away; empty for not at all: then the
// place is taken.
func (l *srtListener) refusal(request srt.ConnRequest) (srt.RejectionReason, string) {
	switch {
	case l.address.streamID != "" && request.StreamId() != l.address.streamID:
		return srt.REJX_NOTFOUND, fmt.Sprintf("its stream id is %.80q, want %q", request.StreamId(), l.address.streamID)
	case l.address.passphrase != "" && !request.IsEncrypted():
		return srt.REJ_UNSECURE, "it does not encrypt, and there is a passphrase"
	case l.address.passphrase == "" && request.IsEncrypted():
		return srt.REJ_UNSECURE, "it encrypts, and there is no passphrase"
	case l.address.passphrase != "" && request.SetPassphrase(l.address.passphrase) != nil:
		return srt.REJ_BADSECRET, "its passphrase is another one"
	case !l.busy.CompareAndSwap(false, true):
		return srt.REJX_CONFLICT, "somebody else is publishing"
	}
	return 0, ""
}

func (l *srtListener) next(ctx context.Context) (srt.Conn, error) {
	select {
	case conn := <-l.accepted:
		return conn, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *srtListener) ended() { l.busy.Store(false) }

func (l *srtListener) close() {
	l.listener.Close()
	<-l.done
	select {
	case conn := <-l.accepted:
		_ = conn.Close()
	default:
	}
}
