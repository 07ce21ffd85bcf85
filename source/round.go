package source

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/wire"
)

// batchSize is the most packets given to a Sender at once.
const batchSize = 64

// rounds builds the packets of each round in buffers made once, and sends them
// in batches.
type rounds struct {
	sender   Sender
	progress *Progress
	headroom int
	v6       bool
	buffers  [][]byte // one per packet of a batch, empty, with room
	batch    [][]byte // the packets built and not yet sent
}

func newRounds(channel Channel, sender Sender, progress *Progress) *rounds {
	r := &rounds{
		sender:   sender,
		progress: progress,
		headroom: sender.Headroom(),
		v6:       channel.SourceEID.Is6(),
		buffers:  make([][]byte, batchSize),
		batch:    make([][]byte, 0, batchSize),
	}
	entrySize := wire.Entry4Size
	if r.v6 {
		entrySize = wire.Entry6Size
	}
	room := r.headroom + wire.HeaderSize + max(channel.PayloadSize, channel.List*entrySize)
	for i := range r.buffers {
		r.buffers[i] = make([]byte, r.headroom, room)
	}
	return r
}

// send sends the payload of id and then a header packet for each group.
func (r *rounds) send(id wire.ID, media []byte, groups [][]netip.AddrPort) error {
	packet, err := wire.AppendPayload(r.buffers[0], id, media)
	if err != nil {
		return fmt.Errorf("payload %d: %w", id.Sequence, err)
	}
	r.batch = append(r.batch[:0], packet)
	appendHeader := wire.AppendHeader4
	if r.v6 {
		appendHeader = wire.AppendHeader6
	}
	for _, group := range groups {
		if len(r.batch) == batchSize {
			if err := r.flush(); err != nil {
				return err
			}
		}
		packet, err := appendHeader(r.buffers[len(r.batch)], id, group)
		if err != nil {
			return fmt.Errorf("header of payload %d: %w", id.Sequence, err)
		}
		r.batch = append(r.batch, packet)
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.count(media, groups)
	return nil
}

func (r *rounds) flush() error {
	sent, err := r.sender.Send(r.batch)
	r.progress.unsent.Add(uint64(len(r.batch) - sent))
	r.batch = r.batch[:0]
	return err
}

func (r *rounds) count(media []byte, groups [][]netip.AddrPort) {
	entries := 0
	for _, group := range groups {
		entries += len(group)
	}
	r.progress.payloads.Add(1)
	r.progress.headers.Add(uint64(len(groups)))
	r.progress.entries.Add(uint64(entries))
	r.progress.mediaBytes.Add(uint64(len(media)))
}
