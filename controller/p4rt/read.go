package p4rt

import (
	"context"
	"errors"
	"fmt"
	"io"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
)

// ReadEntries returns everything in the program's tables, in canonical form,
// with the default entries that can be set.
func (s *Session) ReadEntries(ctx context.Context) ([]*Entry, error) {
	var ask []*p4v1.Entity
	for _, name := range s.schema.Tables() {
		t := s.schema.tables[name]
		if len(t.fields) > 0 {
			ask = append(ask, tableEntity(&p4v1.TableEntry{TableId: t.id}))
		}
		if !t.constDefault {
			ask = append(ask, tableEntity(&p4v1.TableEntry{TableId: t.id, IsDefaultAction: true}))
		}
	}
	var entries []*Entry
	err := s.read(ctx, "read entries", ask, func(e *p4v1.Entity) error {
		o, err := s.schema.Decode(e)
		if entry, ok := o.(*Entry); ok && err == nil {
			entries = append(entries, entry)
		}
		return err
	})
	return entries, err
}

func tableEntity(e *p4v1.TableEntry) *p4v1.Entity {
	return &p4v1.Entity{Entity: &p4v1.Entity_TableEntry{TableEntry: e}}
}

// ReadGroups returns the switch's multicast groups.
func (s *Session) ReadGroups(ctx context.Context) ([]*Group, error) {
	var groups []*Group
	err := s.read(ctx, "read multicast groups", []*p4v1.Entity{groupEntity(&Group{})}, func(e *p4v1.Entity) error {
		o, err := s.schema.Decode(e)
		if g, ok := o.(*Group); ok && err == nil {
			groups = append(groups, g)
		}
		return err
	})
	return groups, err
}

// Count is one cell of a counter.
type Count struct{ Packets, Bytes uint64 }

// ReadCounter returns n cells of an indexed counter from cell first on.
func (s *Session) ReadCounter(ctx context.Context, name string, first, n int64) ([]Count, error) {
	c, ok := s.schema.counters[name]
	if !ok {
		return nil, fmt.Errorf("no counter %q in the program", name)
	}
	if first < 0 || n < 0 || first+n > c.size {
		return nil, fmt.Errorf("counter %s: cells %d to %d: it has %d", name, first, first+n-1, c.size)
	}
	ask := make([]*p4v1.Entity, n)
	for i := range ask {
		ask[i] = &p4v1.Entity{Entity: &p4v1.Entity_CounterEntry{CounterEntry: &p4v1.CounterEntry{
			CounterId: c.id, Index: &p4v1.Index{Index: first + int64(i)}}}}
	}
	counts := make([]Count, n)
	err := s.read(ctx, "read counter "+name, ask, func(e *p4v1.Entity) error {
		ce := e.GetCounterEntry()
		i := ce.GetIndex().GetIndex() - first
		if ce == nil || i < 0 || i >= n {
			return lie("cell %d, which was not asked for", ce.GetIndex().GetIndex())
		}
		counts[i] = Count{uint64(ce.GetData().GetPacketCount()), uint64(ce.GetData().GetByteCount())}
		return nil
	})
	return counts, err
}

// read asks for entities and hands every one that comes back to take.
func (s *Session) read(ctx context.Context, doing string, ask []*p4v1.Entity, take func(*p4v1.Entity) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream when take gives up
	rpc, _ := s.client()
	stream, err := rpc.Read(ctx, &p4v1.ReadRequest{DeviceId: s.opts.DeviceID, Entities: ask})
	if err != nil {
		return reason(doing, err)
	}
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return reason(doing, err)
		}
		for _, e := range resp.GetEntities() {
			if err := take(e); err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		}
	}
}
