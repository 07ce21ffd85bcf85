package watch

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/source/viewerapi"
)

// receive sends proofs back and gives media to the output, until ctx ends.
func (w *Watcher) receive(ctx context.Context) error {
	buf := make([]byte, maxDatagram)
	var source netip.AddrPort
	for {
		n, from, err := w.conn.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot receive on %s: %w", w.Addr(), err)
		}
		datagram := buf[:n]
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if viewerapi.IsProof(datagram) {
			_, _ = w.conn.WriteToUDPAddrPort(datagram, from) // it is sent again if this is lost
			continue
		}
		select {
		case source = <-w.source:
		default:
		}
		if !source.IsValid() {
			continue // not joined yet
		}
		if from != source && !w.opts.AnySource {
			if w.stats.stranger() {
				w.opts.OnEvent(fmt.Sprintf("%s sends something, and media comes from %s: not taken", from, source))
			}
			continue
		}
		if w.stats.media(datagram, time.Now()) {
			w.opts.OnEvent(fmt.Sprintf("media comes from %s", from))
		}
		if _, err := w.opts.Output.Write(datagram); err != nil {
			return fmt.Errorf("cannot write the media: %w", err)
		}
	}
}
