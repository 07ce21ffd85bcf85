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
	keys := map[string]bool{}
	err := s.read(ctx, "read entries", ask, s.schema.room, func(e *p4v1.Entity) error {
		o, err := s.schema.Decode(e)
		if err != nil {
			return err
		}
		entry, ok := o.(*Entry)
		if !ok || keys[entry.Key()] {
			return lie("%v, twice or without being asked for it", o)
		}
		keys[entry.Key()] = true
		entries = append(entries, entry)
		return nil
	})
	return entries, err
}

func tableEntity(e *p4v1.TableEntry) *p4v1.Entity {
	return &p4v1.Entity{Entity: &p4v1.Entity_TableEntry{TableEntry: e}}
}

// ReadGroups returns the switch's multicast groups.
func (s *Session) ReadGroups(ctx context.Context) ([]*Group, error) {
	var groups []*Group
	err := s.read(ctx, "read multicast groups", []*p4v1.Entity{groupEntity(&Group{})}, maxGroups, func(e *p4v1.Entity) error {
		o, err := s.schema.Decode(e)
		if g, ok := o.(*Group); ok && err == nil {
			groups = append(groups, g)
		}
		return err
	})
	return groups, err
}

// ReadHits returns what the direct counter of a table has counted, by the key
// of the entry.
func (s *Session) ReadHits(ctx context.Context, tableName string) (map[string]Count, error) {
	t, err := s.schema.table(tableName)
	if err != nil {
		return nil, err
	}
	hits := map[string]Count{}
	ask := []*p4v1.Entity{tableEntity(&p4v1.TableEntry{TableId: t.id, CounterData: &p4v1.CounterData{}})}
	err = s.read(ctx, "read hits of "+tableName, ask, s.schema.room, func(e *p4v1.Entity) error {
		o, err := s.schema.Decode(e)
		if err == nil {
			data := e.GetTableEntry().GetCounterData()
			hits[o.Key()] = Count{uint64(data.GetPacketCount()), uint64(data.GetByteCount())}
		}
		return err
	})
	return hits, err
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
	err := s.read(ctx, "read counter "+name, ask, int(n), func(e *p4v1.Entity) error {
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

// maxGroups is more multicast groups than a switch has: their ids have 16 bits.
const maxGroups = 1 << 16

// read asks for entities and hands every one that comes back to take; there
// must be no more of them than most.
func (s *Session) read(ctx context.Context, doing string, ask []*p4v1.Entity, most int, take func(*p4v1.Entity) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream when take gives up
	rpc, _ := s.client()
	stream, err := rpc.Read(ctx, &p4v1.ReadRequest{DeviceId: s.opts.DeviceID, Entities: ask})
	if err != nil {
		return reason(doing, err)
	}
	for got := 0; ; {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return reason(doing, err)
		}
		if got += len(resp.GetEntities()); got > most {
			return fmt.Errorf("%s: %w", doing, lie("more than the %d that there can be", most))
		}
		for _, e := range resp.GetEntities() {
			if err := take(e); err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		}
	}
}
