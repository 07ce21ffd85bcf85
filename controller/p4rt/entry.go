package p4rt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Object is something a switch holds: an *Entry, a *Group or a *Meter.
type Object interface {
	fmt.Stringer
	// Key identifies the object in its switch: two objects with one key
	// cannot be held at once.
	Key() string
	isObject()
}

// Entry is a table entry by names. Make it canonical with Schema.Canonical
// before comparing it.
type Entry struct {
	Table string
	// Match holds the fields that are matched on; ternary-like and lpm fields
	// left out match anything.
	Match  []Match
	Action string
	Params []Param
	// Priority is > 0 exactly when the table has ternary, range or optional
	// fields; the highest wins.
	Priority int32
	// Default says that this is the table's default entry; it has no Match.
	Default bool

	key string // of a canonical entry, which nobody changes
}

// Match is the value of one match field.
type Match struct {
	Field string
	Value Value
	// PrefixLen is used by lpm fields alone.
	PrefixLen int
	// Mask is used by ternary fields alone.
	Mask Value
	// High is used by range fields alone; Value is the low end.
	High Value
	kind matchKind
}

// Exact matches a field on one value; it serves optional fields too.
func Exact(field string, v Value) Match { return Match{Field: field, Value: v} }

// LPM matches the first plen bits of a field.
func LPM(field string, v Value, plen int) Match {
	return Match{Field: field, Value: v, PrefixLen: plen, kind: lpm}
}

// Param is one action parameter.
type Param struct {
	Name  string
	Value Value
}

func (*Entry) isObject() {}

// Key implements Object.
func (e *Entry) Key() string {
	if e.key != "" {
		return e.key
	}
	var b strings.Builder
	b.WriteString(e.Table)
	if e.Default {
		b.WriteString(" default")
	}
	for _, m := range e.Match {
		b.WriteByte(' ')
		b.WriteString(m.String())
	}
	if e.Priority != 0 {
		fmt.Fprintf(&b, " priority=%d", e.Priority)
	}
	return b.String()
}

// String reads like `eids instance_id=0 eid=10.1.0.0/16 -> to_rloc(rloc=1)`.
func (e *Entry) String() string {
	params := make([]string, len(e.Params))
	for i, p := range e.Params {
		params[i] = p.Name + "=" + p.Value.String()
	}
	return fmt.Sprintf("%s -> %s(%s)", e.Key(), e.Action, strings.Join(params, ", "))
}

func (m Match) String() string {
	s := m.Field + "=" + m.Value.String()
	switch m.kind {
	case lpm:
		return fmt.Sprintf("%s/%d", s, m.PrefixLen)
	case ternary:
		return s + "&" + m.Mask.String()
	case ranged:
		return s + ".." + m.High.String()
	}
	return s
}

// Equal reports whether two canonical entries are the same.
func (e *Entry) Equal(o *Entry) bool {
	return e.Table == o.Table && e.Action == o.Action && e.Priority == o.Priority &&
		e.Default == o.Default && slices.Equal(e.Match, o.Match) && slices.Equal(e.Params, o.Params)
}

// Group is a multicast group of the packet replication engine.
type Group struct {
	ID       uint32
	Replicas []Replica
}

// Replica is one copy that a group makes: to a port, with an instance (the
// egress_rid of v1model) that tells it from the others.
type Replica struct {
	Port     uint32
	Instance uint32
}

func (*Group) isObject() {}

// Key implements Object.
func (g *Group) Key() string { return fmt.Sprintf("multicast_group 0x%x", g.ID) }

// String shows runs of instances on one port together.
func (g *Group) String() string {
	var parts []string
	for i := 0; i < len(g.Replicas); {
		first, n := g.Replicas[i], 1
		for i+n < len(g.Replicas) && g.Replicas[i+n] == (Replica{first.Port, first.Instance + uint32(n)}) {
			n++
		}
		part := fmt.Sprintf("port %d rid %d", first.Port, first.Instance)
		if n > 2 {
			part += fmt.Sprintf("..%d", int(first.Instance)+n-1)
			i += n
		} else {
			i++
		}
		parts = append(parts, part)
	}
	return g.Key() + " -> " + strings.Join(parts, ", ")
}

// SameReplicas reports whether two groups make the same copies. The order is
// not compared: a switch need not remember it.
func (g *Group) SameReplicas(o *Group) bool {
	return slices.Equal(g.sorted(), o.sorted())
}

func (g *Group) sorted() []Replica {
	return slices.SortedFunc(slices.Values(g.Replicas), func(a, b Replica) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Instance, b.Instance))
	})
}

// Op is what an Update does with its object.
type Op int

// Operations.
const (
	Insert Op = iota + 1
	Modify
	Delete
)

func (o Op) String() string {
	switch o {
	case Insert:
		return "insert"
	case Modify:
		return "modify"
	case Delete:
		return "delete"
	}
	return fmt.Sprintf("op(%d)", int(o))
}

// Update is one change to a switch.
type Update struct {
	Op     Op
	Object Object
}

func (u Update) String() string { return u.Op.String() + " " + u.Object.String() }
