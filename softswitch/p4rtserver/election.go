package p4rtserver

import (
	"cmp"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxClients bounds the open streams, as bmv2 does.
const maxClients = 16

// electionID is a 128-bit election id. A client without one is never primary.
type electionID struct {
	set       bool
	high, low uint64
}

func newElectionID(id *p4v1.Uint128) electionID {
	if id == nil {
		return electionID{}
	}
	return electionID{set: true, high: id.High, low: id.Low}
}

func (e electionID) compare(o electionID) int {
	return cmp.Or(cmp.Compare(b2i(e.set), b2i(o.set)), cmp.Compare(e.high, o.high), cmp.Compare(e.low, o.low))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// election knows the live clients of the device and which of them is primary.
// The server's mutex guards it.
type election struct {
	clients []*client
	primary *client
}

// join adds c, or changes its election id, and tells those concerned.
func (e *election) join(c *client, id electionID) error {
	if c.gone {
		return status.Error(codes.Aborted, "the stream has ended")
	}
	known := false
	for _, other := range e.clients {
		switch {
		case other == c:
			known = true
		case id.set && other.id == id:
			return status.Errorf(codes.InvalidArgument,
				"election id %d:%d is used by another client: use one of your own", id.high, id.low)
		}
	}
	if !known {
		if len(e.clients) == maxClients {
			return status.Errorf(codes.ResourceExhausted, "%d clients are connected, which is the most: close one", maxClients)
		}
		e.clients = append(e.clients, c)
	}
	c.id = id
	if !e.elect() && e.primary != c {
		e.notify(c) // a backup comes or stays: nobody else needs to know
		return nil
	}
	e.notifyAll()
	return nil
}

// leave removes c and promotes the next.
func (e *election) leave(c *client) {
	c.gone = true
	for i, other := range e.clients {
		if other == c {
			e.clients = append(e.clients[:i:i], e.clients[i+1:]...)
			break
		}
	}
	if e.elect() {
		e.notifyAll()
	}
}

// elect reports whether the primary changed.
func (e *election) elect() bool {
	var best *client
	for _, c := range e.clients {
		if c.id.set && (best == nil || c.id.compare(best.id) > 0) {
			best = c
		}
	}
	changed := best != e.primary
	e.primary = best
	return changed
}

func (e *election) notifyAll() {
	for _, c := range e.clients { // backups first: the new primary hears last
		if c != e.primary {
			e.notify(c)
		}
	}
	if e.primary != nil {
		e.notify(e.primary)
	}
}

func (e *election) notify(c *client) {
	u := &p4v1.MasterArbitrationUpdate{DeviceId: c.device}
	switch e.primary {
	case nil:
		u.Status = &rpcstatus.Status{Code: int32(codes.NotFound), Message: "there is no primary"}
	case c:
		u.Status = &rpcstatus.Status{Code: int32(codes.OK), Message: "is primary"}
	default:
		u.Status = &rpcstatus.Status{Code: int32(codes.AlreadyExists), Message: "is backup"}
	}
	if e.primary != nil {
		u.ElectionId = &p4v1.Uint128{High: e.primary.id.high, Low: e.primary.id.low}
	}
	c.notify(&p4v1.StreamMessageResponse{Update: &p4v1.StreamMessageResponse_Arbitration{Arbitration: u}})
}

// checkPrimaryLocked refuses a request that does not come from the primary.
func (s *Server) checkPrimaryLocked(id *p4v1.Uint128) error {
	switch {
	case s.elect.primary == nil:
		return status.Error(codes.PermissionDenied, "there is no primary: open a stream with an election id first")
	case id == nil:
		return status.Error(codes.PermissionDenied, "election_id is not set: set the primary's")
	case newElectionID(id) != s.elect.primary.id:
		p := s.elect.primary.id
		return status.Errorf(codes.PermissionDenied, "election id %d:%d is not the primary's, which is %d:%d", id.High, id.Low, p.high, p.low)
	}
	return nil
}

// checkTarget refuses what is for another device or for a role.
func (s *Server) checkTarget(device uint64, role string, roleID uint64) error {
	if device != s.cfg.DeviceID {
		return status.Errorf(codes.NotFound, "device_id %d is not here: this is device %d", device, s.cfg.DeviceID)
	}
	if role != "" || roleID != 0 {
		return status.Errorf(codes.NotFound, "role %q (id %d) does not exist: leave it unset", role, roleID)
	}
	return nil
}
