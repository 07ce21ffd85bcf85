package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Options say what to watch, and where it goes.
type Options struct {
	// URL is the channel at its source: http://source:8081/news, or the same
	// with /v1/channels/ in it. Others are the same channel at sources that
	// stand by for that one.
	URL    string
	Others []string
	// Listen is the UDP address for media, such as :5004 or 10.1.0.11:0.
	Listen string
	// EID is the address that media is to be sent to; the zero Addr for the
	// one that the source sees.
	EID netip.Addr
	// CoreCast is the word on the viewer's domain: auto, true or false; empty for
	// none.
	CoreCast string
	// Token is shown to the source; empty for none.
	Token string
	// Output is given the media.
	Output io.Writer
	// AnySource takes media from whoever sends it: between source and viewer
	// somebody translates addresses.
	AnySource bool
	// Client makes the requests; nil for http.DefaultClient.
	Client *http.Client
	// OnEvent, if not nil, is told in words what happens.
	OnEvent func(message string)
}

// ErrNoMedia: nothing came.
var ErrNoMedia = errors.New("no media came")

// Watcher is a viewer.
type Watcher struct {
	opts   Options
	api    apiClient
	conn   *net.UDPConn
	stats  statsBox
	source chan netip.AddrPort // where media comes from, once that is known
}

// maxDatagram is the longest there is.
const maxDatagram = 65535

// receiveBuffer holds what comes while the output is busy; the kernel may grant
// less.
const receiveBuffer = 4 << 20

// New opens the socket for media. Run closes it.
func New(opts Options) (*Watcher, error) {
	var urls []string
	for _, u := range append([]string{opts.URL}, opts.Others...) {
		channel, err := channelURL(u)
		if err != nil {
			return nil, err
		}
		urls = append(urls, channel)
	}
	if opts.Client == nil {
		opts.Client = http.DefaultClient
	}
	if opts.OnEvent == nil {
		opts.OnEvent = func(string) {}
	}
	addr, err := net.ResolveUDPAddr("udp", opts.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot receive on %s: want address:port, such as :5004: %w", opts.Listen, err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot receive on %s: %w", opts.Listen, err)
	}
	_ = conn.SetReadBuffer(receiveBuffer)
	return &Watcher{
		opts: opts, conn: conn, source: make(chan netip.AddrPort, 1),
		api: newAPIClient(urls, opts.Token, opts.Client),
	}, nil
}

// Addr is where media is received.
func (w *Watcher) Addr() net.Addr { return w.conn.LocalAddr() }

// Stats returns what came so far.
func (w *Watcher) Stats() Stats { return w.stats.get(time.Now()) }

// Run watches until ctx ends, or the source does not let it. The error is nil
// when ctx ended and there was media.
func (w *Watcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var receiving sync.WaitGroup
	receiving.Go(func() {
		if err := w.receive(ctx); err != nil {
			cancel(err)
		}
	})
	stop := context.AfterFunc(ctx, func() { _ = w.conn.Close() })
	defer stop()
	err := w.keepLease(ctx)
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		err = cause
	}
	cancel(nil)
	_ = w.conn.Close()
	receiving.Wait()
	if err == nil && w.Stats().Packets == 0 {
		err = fmt.Errorf("%w from %s", ErrNoMedia, w.opts.URL)
	}
	return err
}

// keepLease joins, renews until ctx ends, and leaves.
func (w *Watcher) keepLease(ctx context.Context) error {
	want := joinRequest{Port: w.port(), CoreCast: w.opts.CoreCast}
	if w.opts.EID.IsValid() {
		want.EID = w.opts.EID.String()
	}
	for {
		l, err := w.join(ctx, want)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot join %s: %w", w.opts.URL, err)
		}
		w.joined(l)
		err = w.renew(ctx, l)
		if ctx.Err() != nil {
			w.leave(l)
			return nil
		}
		if !errors.Is(err, errLeaseGone) {
			return fmt.Errorf("cannot renew %s: %w", w.opts.URL, err)
		}
		w.opts.OnEvent("the source has forgotten the lease: joining again")
	}
}

// joinPatience is how long a source is asked again that says that it will do
// soon: while another one takes its place, or it reads what it has kept.
const joinPatience = 10 * time.Second

// join joins at the first source that lets it.
func (w *Watcher) join(ctx context.Context, want joinRequest) (*lease, error) {
	for patience := time.Now().Add(joinPatience); ; {
		var errs []error
		soon := false
		for range w.api.urls {
			l, err := w.api.join(ctx, want)
			if err == nil || isFinal(err) || ctx.Err() != nil {
				return l, err
			}
			errs = append(errs, err)
			soon = soon || isSoon(err)
		}
		if !soon || time.Now().After(patience) {
			return nil, errors.Join(errs...)
		}
		select {
		case <-time.After(otherPause):
		case <-ctx.Done():
		}
	}
}

func (w *Watcher) port() uint16 { return uint16(w.conn.LocalAddr().(*net.UDPAddr).Port) }

// joined tells the receiver where media comes from.
func (w *Watcher) joined(l *lease) {
	w.opts.OnEvent(fmt.Sprintf("joined %s as %s port %d for %.0f s; media comes from %s", l.Channel, l.EID, l.Port, l.TTL, l.Source))
	source, err := netip.ParseAddrPort(l.Source)
	if err != nil {
		return // then all of it is taken for a stranger's
	}
	select {
	case <-w.source: // an older one
	default:
	}
	w.source <- source
}

// renewPause is how long a renewal that failed waits for the next; otherPause if
// that goes to another source.
const (
	renewPause = 2 * time.Second
	otherPause = 200 * time.Millisecond
)

// renew renews until ctx ends, or the source says that it is over. A source
// that cannot be reached is asked again until the lease has ended by itself.
func (w *Watcher) renew(ctx context.Context, l *lease) error {
	ends := time.Now().Add(l.ttl())
	wait := l.renewAfter()
	for {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		next, err := w.api.renew(ctx, l.ID)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			w.stats.renewed()
			ends, wait = time.Now().Add(next.ttl()), next.renewAfter()
		case isFinal(err):
			return err
		case time.Now().After(ends):
			return fmt.Errorf("%w: %w", errLeaseGone, err)
		default:
			w.opts.OnEvent(fmt.Sprintf("cannot renew: %v; trying again", err))
			wait = renewPause
			if len(w.api.urls) > 1 {
				wait = otherPause
			}
		}
	}
}

// leaveTime is how long leaving may take.
const leaveTime = 2 * time.Second

func (w *Watcher) leave(l *lease) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	if err := w.api.leave(ctx, l.ID); err != nil {
		w.opts.OnEvent(fmt.Sprintf("cannot leave: %v; the lease ends by itself", err))
	}
}
