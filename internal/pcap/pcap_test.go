package pcap

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Another reader finds what was written.
func TestFile(t *testing.T) {
	at := time.Unix(1_700_000_000, 123_456_000).UTC()
	packets := [][]byte{{0x45, 0}, bytes.Repeat([]byte{7}, 1500), {}}
	for link, want := range map[LinkType]layers.LinkType{Ethernet: layers.LinkTypeEthernet, IP: layers.LinkTypeRaw} {
		file := Header(link)
		for i, p := range packets {
			file = Append(file, at.Add(time.Duration(i)*time.Second), p)
		}
		r, err := pcapgo.NewReader(bytes.NewReader(file))
		if err != nil || r.LinkType() != want {
			t.Fatalf("link type %d: %v", link, err)
		}
		for i, p := range packets {
			got, info, err := r.ReadPacketData()
			if err != nil || !bytes.Equal(got, p) || info.Length != len(p) || !info.Timestamp.Equal(at.Add(time.Duration(i)*time.Second)) {
				t.Errorf("packet %d: %d bytes, %+v, %v", i, len(got), info, err)
			}
		}
		if _, _, err := r.ReadPacketData(); !errors.Is(err, io.EOF) {
			t.Errorf("more packets: %v", err)
		}
	}
}
