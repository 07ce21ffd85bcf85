package oracle

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/p4/build"
)

// Row is a table entry by name. A Row without Key is the table's default entry.
type Row struct {
	Table  string
	Key    []Field
	Action string
	Params []Param
}

// Field is one match field; Bits is the prefix length where LPM.
type Field struct {
	Name  string
	Value []byte
	LPM   bool
	Bits  int
}

// Param is one action parameter.
type Param struct {
	Name  string
	Value []byte
}

// ID tells rows of different entries apart.
func (r *Row) ID() string { return fmt.Sprintf("%s %v", r.Table, r.Key) }

// Replica is a copy made by a multicast group.
type Replica struct{ Port, ID uint16 }

// rowList gathers rows.
type rowList []Row

func (l *rowList) add(table string, key []Field, action string, params ...Param) {
	*l = append(*l, Row{table, key, action, params})
}

// Rows returns the entries that say what c says.
func (c *Config) Rows() []Row {
	var rows rowList
	for id, p := range c.Ports {
		rows.add(build.TablePorts, []Field{num(build.FieldPortsIngressPort, id)}, build.ActionPort,
			val("role", uint32(p.Role)), Param{"mac", p.MAC[:]}, val("instance_id", p.Instance))
	}
	for a := range c.OwnRLOCs {
		rows.add("my_rlocs"+family(a), []Field{{Name: "rloc", Value: a.AsSlice()}}, build.ActionOwnRLOC)
	}
	c.addMembers(&rows)
	c.addWays(&rows)
	c.addNextHops(&rows)
	rows.add(build.TableTarget, nil, build.ActionSetTarget, val("growth", uint32(c.Growth)),
		val("loop_to", uint32(c.LoopTo)), val("list_at", uint32(c.listAt())))
	return rows
}

// addMembers adds whose packets are CoreCast's: channels and streams, and the
// RLOCs that may send them.
func (c *Config) addMembers(rows *rowList) {
	for k, ch := range c.Channels {
		rows.add("channels"+family(k.Reserved),
			[]Field{num32("instance_id", k.Instance), {Name: "reserved_eid", Value: k.Reserved.AsSlice()}},
			"channel"+family(k.Reserved), val("slot", uint32(ch.Slot)), Param{"source_eid", ch.Source.AsSlice()},
			val("ingress_port", uint32(ch.Port)), val("redundancy", uint32(ch.Redundancy)),
			val("max_list", uint32(ch.MaxList)), val("fanout", ch.Fanout))
	}
	for p, peer := range c.Peers {
		may := uint32(0)
		if peer.MayOpen {
			may = 1
		}
		rows.add("source_rlocs"+family(p.Addr()), []Field{lpm("source_rloc", p)}, build.ActionSourceRLOC,
			val("peer", uint32(peer.Number)), val("may_open", may))
	}
	for k, s := range c.Streams {
		key := []Field{num32("instance_id", k.Instance), num("peer", k.Peer),
			{Name: "source_eid", Value: k.Source.AsSlice()}, {Name: "reserved_eid", Value: k.Reserved.AsSlice()}}
		if s.Group == 0 {
			rows.add("streams"+family(k.Reserved), key, build.ActionStream,
				val("slot", uint32(s.Slot)), val("max_list", uint32(s.MaxList)), val("fanout", s.Fanout))
		} else {
			rows.add("streams"+family(k.Reserved), key, "stream_multicast"+family(k.Reserved),
				val("slot", uint32(s.Slot)), val("group", uint32(s.Group)), Param{"address", s.Address.AsSlice()},
				val("port", uint32(s.GroupPort)), Param{"mac", s.GroupMAC[:]}, val("mtu", uint32(s.GroupMTU)))
		}
	}
}

// addWays adds where EIDs are.
func (c *Config) addWays(rows *rowList) {
	for p, w := range c.EIDs {
		key := []Field{num32("instance_id", p.Instance), lpm("eid", p.Prefix)}
		table := "eids" + family(p.Prefix.Addr())
		switch w.Kind {
		case Local:
			rows.add(table, key, build.ActionLocal)
		case LocalVia:
			rows.add(table, key, "local_via"+family(w.NextHop), Param{"next_hop", w.NextHop.AsSlice()})
		case ToRLOC:
			rows.add(table, key, build.ActionToRLOC, val("rloc", uint32(w.RLOC)))
		case ToRLOCs:
			rows.add(table, key, build.ActionToRLOCs, val("set", uint32(w.Set)))
		case Native:
			rows.add(table, key, "native"+family(w.NextHop), Param{"next_hop", w.NextHop.AsSlice()})
		case ToUs:
			rows.add(table, key, build.ActionToUs)
		case Discard:
			rows.add(table, key, build.ActionDiscard, val("reason", uint32(w.Reason)))
		}
	}
	for k, rloc := range c.Buckets {
		rows.add(build.TableRLOCSets, []Field{num("set", k.Set), num("bucket", uint16(k.Bucket))},
			build.ActionPick, val("rloc", uint32(rloc)))
	}
}

// addNextHops adds how to get to RLOCs, neighbours and viewers.
func (c *Config) addNextHops(rows *rowList) {
	for rloc, t := range c.Tunnels {
		rows.add(build.TableRLOCs, []Field{num("rloc", rloc)}, "encap"+family(t.Remote),
			Param{"source_rloc", t.Source.AsSlice()}, Param{"rloc", t.Remote.AsSlice()}, Param{"next_hop", t.NextHop.AsSlice()})
	}
	for a, n := range c.Neighbors {
		rows.add("neighbors"+family(a), []Field{{Name: "address", Value: a.AsSlice()}}, build.ActionDeliver,
			val("port", uint32(n.Port)), Param{"src_mac", n.Src[:]}, Param{"dst_mac", n.Dst[:]}, val("mtu", uint32(n.MTU)))
	}
	for p, n := range c.Viewers {
		rows.add("viewers"+family(p.Prefix.Addr()), []Field{num32("instance_id", p.Instance), lpm("eid", p.Prefix)},
			build.ActionViewer, val("out_port", uint32(n.Port)), Param{"out_src_mac", n.Src[:]}, Param{"out_dst_mac", n.Dst[:]},
			val("out_mtu", uint32(n.MTU)))
	}
}

// MulticastGroups returns the replication groups: those that every program
// needs, and the in-domain groups.
func (c *Config) MulticastGroups() map[uint16][]Replica {
	groups := make(map[uint16][]Replica)
	for id, p := range c.Ports {
		if p.Role != build.RoleLoop {
			groups[build.CopyGroupBase+id] = []Replica{{id, build.RIDPayload}, {id, build.RIDHeader}}
		}
	}
	for k := 1; k <= 5; k++ {
		for _, id := range c.localPorts() {
			for i := 1; i <= 1<<k; i++ {
				group := build.ListGroupBase + uint16(k)
				groups[group] = append(groups[group], Replica{id, uint16(i)})
			}
		}
	}
	for id, ports := range c.Groups {
		for _, p := range ports {
			groups[id] = append(groups[id], Replica{p, build.RIDMulticast})
		}
	}
	return groups
}

func (c *Config) localPorts() []uint16 {
	var ids []uint16
	for id, p := range c.Ports {
		if p.Role == build.RoleLocal {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// listAt is the local port that accounts for list entries that are not local.
func (c *Config) listAt() uint16 {
	if ports := c.localPorts(); len(ports) > 0 {
		return ports[0]
	}
	return 0
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "4"
	}
	return "6"
}

func num(name string, v uint16) Field { return num32(name, uint32(v)) }

func num32(name string, v uint32) Field {
	return Field{Name: name, Value: binary.BigEndian.AppendUint32(nil, v)}
}

func lpm(name string, p netip.Prefix) Field {
	return Field{Name: name, Value: p.Masked().Addr().AsSlice(), LPM: true, Bits: p.Bits()}
}

func val(name string, v uint32) Param { return Param{name, binary.BigEndian.AppendUint32(nil, v)} }
