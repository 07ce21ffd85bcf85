package p4rtserver

import (
	"testing"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestHighestElectionIDIsPrimaryAndTheNextTakesOver(t *testing.T) {
	f := newFixture(t)
	a, b, c := f.open(), f.open(), f.open()
	a.arbitrate(&p4v1.Uint128{Low: 5})
	a.expectArbitration(codes.OK, 5)

	b.arbitrate(&p4v1.Uint128{Low: 3})
	b.expectArbitration(codes.AlreadyExists, 5)

	c.arbitrate(&p4v1.Uint128{Low: 9})
	a.expectArbitration(codes.AlreadyExists, 9)
	b.expectArbitration(codes.AlreadyExists, 9)
	c.expectArbitration(codes.OK, 9)

	c.cancel()
	a.expectArbitration(codes.OK, 5)
	b.expectArbitration(codes.AlreadyExists, 5)

	a.arbitrate(&p4v1.Uint128{Low: 2}) // steps down
	b.expectArbitration(codes.OK, 3)
	a.expectArbitration(codes.AlreadyExists, 3)

	b.arbitrate(nil) // only the other has an election id now
	a.expectArbitration(codes.OK, 2)
	b.expectArbitration(codes.AlreadyExists, 2)

	a.CloseSend()
	a.expectEnd(codes.Unknown) // io.EOF: the server ended it without an error
	b.expectArbitration(codes.NotFound, 0)
}

func TestElectionIDIs128BitsWide(t *testing.T) {
	f := newFixture(t)
	a, b := f.open(), f.open()
	a.arbitrate(&p4v1.Uint128{High: 1})
	if m := a.next(); m.GetArbitration().GetStatus().GetCode() != 0 {
		t.Fatal(m)
	}
	b.arbitrate(&p4v1.Uint128{Low: 1 << 63})
	if m := b.next(); m.GetArbitration().GetStatus().GetCode() != int32(codes.AlreadyExists) || m.GetArbitration().GetElectionId().GetHigh() != 1 {
		t.Fatal(m)
	}
}

func TestClientWithoutElectionIDIsNeverPrimary(t *testing.T) {
	f := newFixture(t)
	s := f.open()
	s.arbitrate(nil)
	s.expectArbitration(codes.NotFound, 0)
	s.arbitrate(&p4v1.Uint128{}) // zero is an election id, though the lowest
	if m := s.next(); m.GetArbitration().GetStatus().GetCode() != 0 {
		t.Fatalf("got %v, want primary", m)
	}
}

func TestArbitrationRefusals(t *testing.T) {
	tests := []struct {
		name   string
		update *p4v1.MasterArbitrationUpdate
		code   codes.Code
	}{
		{"other device", &p4v1.MasterArbitrationUpdate{DeviceId: 8, ElectionId: &p4v1.Uint128{Low: 2}}, codes.NotFound},
		{"role", &p4v1.MasterArbitrationUpdate{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 2}, Role: &p4v1.Role{Name: "r"}}, codes.Unimplemented},
		{"taken election id", &p4v1.MasterArbitrationUpdate{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}}, codes.InvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			first := f.open()
			first.arbitrate(&p4v1.Uint128{Low: 1})
			first.expectArbitration(codes.OK, 1)
			s := f.open()
			s.send(&p4v1.StreamMessageRequest{Update: &p4v1.StreamMessageRequest_Arbitration{Arbitration: tt.update}})
			s.expectEnd(tt.code)
		})
	}
}

func TestClientsAreBounded(t *testing.T) {
	f := newFixture(t)
	for i := range maxClients {
		f.open().arbitrate(&p4v1.Uint128{Low: uint64(i + 1)})
	}
	for f.server.Stats().Clients < maxClients {
	}
	s := f.open()
	s.arbitrate(&p4v1.Uint128{Low: 100})
	s.expectEnd(codes.ResourceExhausted)
}

// A client that never reads may not hold up the arbitration of the others.
func TestClientThatDoesNotReadIsCutOff(t *testing.T) {
	c := newClient(testDevice)
	var e election
	if err := e.join(c, electionID{set: true, low: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range noticeQueue + 1 {
		e.join(c, electionID{set: true, low: uint64(i + 2)})
	}
	select {
	case <-c.stop:
	default:
		t.Fatal("the client lives on with its queue full")
	}
}

func TestOnlyThePrimaryWrites(t *testing.T) {
	f, _ := newReadyFixture(t)
	backup := f.open()
	backup.arbitrate(&p4v1.Uint128{})
	backup.next()
	tests := []struct {
		name string
		req  *p4v1.WriteRequest
		code codes.Code
	}{
		{"primary", &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}}, codes.OK},
		{"backup", &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{}}, codes.PermissionDenied},
		{"nobody", &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 9}}, codes.PermissionDenied},
		{"no election id", &p4v1.WriteRequest{DeviceId: testDevice}, codes.PermissionDenied},
		{"other device", &p4v1.WriteRequest{DeviceId: 1, ElectionId: &p4v1.Uint128{Low: 1}}, codes.NotFound},
		{"role", &p4v1.WriteRequest{DeviceId: testDevice, Role: "r", ElectionId: &p4v1.Uint128{Low: 1}}, codes.NotFound},
		{"rollback", &p4v1.WriteRequest{DeviceId: testDevice, ElectionId: &p4v1.Uint128{Low: 1}, Atomicity: p4v1.WriteRequest_ROLLBACK_ON_ERROR}, codes.Unimplemented},
	}
	for _, tt := range tests {
		if _, err := f.client.Write(t.Context(), tt.req); status.Code(err) != tt.code {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.code)
		}
	}
}
