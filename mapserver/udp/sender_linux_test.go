package udp

import (
	"bytes"
	"testing"
)

// What the kernel does not take together is sent one by one, and so is what
// follows.
func TestWhatDoesNotGoTogetherGoesApart(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		server, client := mustOpen(t, "127.0.0.1:0"), mustOpen(t, address)
		var s Sender
		s.transmit = s.sendmmsg
		s.socket = client
		batch := make([]Datagram, 4)
		for i := range batch {
			batch[i] = Datagram{Remote: server.Local(), Local: server.Local().Addr(), Payload: bytes.Repeat([]byte{byte(i)}, 100)}
		}
		s.prepare(batch)
		if s.asked != 1 {
			t.Fatalf("%d messages, want 1", s.asked)
		}
		if err := client.raw.Control(func(fd uintptr) { s.sendEach(fd, 0) }); err != nil {
			t.Fatal(err)
		}
		if s.result.Sent != len(batch) || s.result.Bytes != 400 || !client.oneByOne.Load() {
			t.Errorf("%+v, one by one from now on: %v", s.result, client.oneByOne.Load())
		}
		for i, d := range receive(t, server, len(batch)) {
			if !bytes.Equal(d.Payload, batch[i].Payload) {
				t.Errorf("datagram %d: %d bytes", i, len(d.Payload))
			}
		}
		if r := s.Send(client, batch); r.Sent != len(batch) || s.asked != len(batch) {
			t.Errorf("%+v in %d messages", r, s.asked)
		}
	}
}
