package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// The control plane's side of the packet replication engine: multicast groups
// and clone sessions.

// maxReplicas bounds a group or session.
const maxReplicas = 1 << 16

func checkReplicas(r []Replica) error {
	if len(r) > maxReplicas {
		return fmt.Errorf("%d replicas: the limit is %d: %w", len(r), maxReplicas, ErrBadValue)
	}
	return nil
}

// replace stores v under id: anew if create is set, else in place of another.
func replace[T any](m map[uint32]*T, what string, id uint32, v *T, create bool) error {
	_, exists := m[id]
	switch {
	case id == 0:
		return fmt.Errorf("%s 0: 0 means none: %w", what, ErrBadValue)
	case create && exists:
		return fmt.Errorf("%s %d: %w", what, id, ErrExists)
	case !create && !exists:
		return fmt.Errorf("%s %d: %w", what, id, ErrNotFound)
	}
	m[id] = v
	return nil
}

func (d *Dataplane) putGroup(g MulticastGroup, create bool) error {
	if err := checkReplicas(g.Replicas); err != nil {
		return fmt.Errorf("multicast group %d: %w", g.ID, err)
	}
	g.Replicas = slices.Clone(g.Replicas)
	d.mu.Lock()
	defer d.mu.Unlock()
	return replace(d.groups, "multicast group", g.ID, &g, create)
}

// InsertMulticastGroup adds a group; ErrExists if its id is taken.
func (d *Dataplane) InsertMulticastGroup(g MulticastGroup) error { return d.putGroup(g, true) }

// ModifyMulticastGroup replaces the replicas of a group.
func (d *Dataplane) ModifyMulticastGroup(g MulticastGroup) error { return d.putGroup(g, false) }

// DeleteMulticastGroup removes a group.
func (d *Dataplane) DeleteMulticastGroup(id uint32) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.groups[id] == nil {
		return fmt.Errorf("multicast group %d: %w", id, ErrNotFound)
	}
	delete(d.groups, id)
	return nil
}

// MulticastGroups returns all groups, ordered by id.
func (d *Dataplane) MulticastGroups() []MulticastGroup {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []MulticastGroup
	for g := range maps.Values(d.groups) {
		out = append(out, MulticastGroup{ID: g.ID, Replicas: slices.Clone(g.Replicas)})
	}
	slices.SortFunc(out, func(a, b MulticastGroup) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (d *Dataplane) putSession(s CloneSession, create bool) error {
	if err := checkReplicas(s.Replicas); err != nil {
		return fmt.Errorf("clone session %d: %w", s.ID, err)
	}
	if s.ID > 0x7fff {
		return fmt.Errorf("clone session %d: want 1 to %d: %w", s.ID, 0x7fff, ErrBadValue)
	}
	s.Replicas = slices.Clone(s.Replicas)
	d.mu.Lock()
	defer d.mu.Unlock()
	return replace(d.sessions, "clone session", s.ID, &s, create)
}

// InsertCloneSession adds a session; ErrExists if its id is taken.
func (d *Dataplane) InsertCloneSession(s CloneSession) error { return d.putSession(s, true) }

// ModifyCloneSession replaces a session.
func (d *Dataplane) ModifyCloneSession(s CloneSession) error { return d.putSession(s, false) }

// DeleteCloneSession removes a session.
func (d *Dataplane) DeleteCloneSession(id uint32) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions[id] == nil {
		return fmt.Errorf("clone session %d: %w", id, ErrNotFound)
	}
	delete(d.sessions, id)
	return nil
}

// CloneSessions returns all sessions, ordered by id.
func (d *Dataplane) CloneSessions() []CloneSession {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []CloneSession
	for s := range maps.Values(d.sessions) {
		out = append(out, CloneSession{ID: s.ID, Replicas: slices.Clone(s.Replicas), PacketLength: s.PacketLength})
	}
	slices.SortFunc(out, func(a, b CloneSession) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
