package p4rtserver

import (
	"testing"
	"time"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"

	"github.com/corecast/corecast/softswitch/engine"
)

func (f *fixture) learn(port uint32) {
	f.plane.Load().Process(port, ethernetFrame("\x02\x00\x00\x00\x00\x01", 0x1eaf), func(uint32, []byte) {})
}

func (s *stream) ack(digest uint32, list uint64) {
	s.send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_DigestAck{
		DigestAck: &p4v1.DigestListAck{DigestId: digest, ListId: list},
	}})
}

func TestDigestsReachThePrimaryOnceUntilAcknowledged(t *testing.T) {
	f, s := newReadyFixture(t)
	f.learn(1) // not enabled yet: lost
	const entry = `digest_entry { digest_id: <learn_t> config { max_list_size: 1 ack_timeout_ns: 3600000000000 }`
	f.mustWrite(insert(entry))
	f.expectRead(`digest_entry {}`, entry+"}")
	f.learn(3)
	list := s.next().GetDigest()
	members := list.GetData()[0].GetStruct().GetMembers()
	if list.DigestId != f.ids["learn_t"] || len(list.Data) != 1 || len(members) != 2 ||
		string(members[0].GetBitstring()) != "\x02\x00\x00\x00\x00\x99" || string(members[1].GetBitstring()) != "\x03" {
		t.Fatalf("got %v", list)
	}
	f.learn(3) // the same again: not told
	f.learn(4)
	second := s.next().GetDigest()
	if got := second.GetData()[0].GetStruct().GetMembers()[1].GetBitstring(); string(got) != "\x04" {
		t.Fatalf("a digest that was not acknowledged came again: %v", second)
	}
	s.ack(list.DigestId, list.ListId)
	s.ack(1, 1) // answered in turn, hence after the first has taken effect
	s.expectError(codes.InvalidArgument)
	f.learn(3)
	if got := s.next().GetDigest(); string(got.GetData()[0].GetStruct().GetMembers()[1].GetBitstring()) != "\x03" {
		t.Fatalf("an acknowledged digest did not come again: %v", got)
	}
	f.mustWrite(remove(`digest_entry { digest_id: <learn_t>`))
	f.expectRead(`digest_entry {}`)
}

// The lists and the memory of what was sent follow the configuration; time is
// given, not waited for.
func TestDigestLists(t *testing.T) {
	d := newDigester(&schema{digests: map[uint32]*digest{1: {id: 1, name: "d", fields: 1, shape: structShape}}})
	if err := d.configure(p4v1.Update_INSERT, &p4v1.DigestEntry{DigestId: 1, Config: &p4v1.DigestEntry_Config{
		MaxTimeoutNs: int64(time.Second), MaxListSize: 3, AckTimeoutNs: int64(time.Minute),
	}}); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1000, 0)
	add := func(v byte) *p4v1.DigestList { return d.add(engine.Digest{Name: "d", Fields: [][]byte{{v}}}, at) }
	if add(1) != nil || add(1) != nil || add(2) != nil {
		t.Fatal("a list before it is full or its time has come")
	}
	if l := add(3); l == nil || len(l.Data) != 3 {
		t.Fatalf("full list = %v, want the 3 distinct digests", l)
	}
	if add(4) != nil || add(2) != nil {
		t.Fatal("list of one")
	}
	lists, next := d.expire(at)
	if len(lists) != 0 || next != time.Second {
		t.Fatalf("%d lists at once and %v to go, want none and 1s", len(lists), next)
	}
	at = at.Add(time.Second)
	if lists, _ = d.expire(at); len(lists) != 1 || len(lists[0].Data) != 1 {
		t.Fatalf("lists after the timeout = %v, want one of the one new digest", lists)
	}
	at = at.Add(time.Minute)
	d.expire(at)
	if add(2); len(d.enabled[1].buffer) != 1 {
		t.Fatal("a digest is remembered beyond the acknowledgement timeout")
	}
}
