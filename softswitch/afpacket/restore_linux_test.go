package afpacket

import (
	"bytes"
	"testing"

	"github.com/corecast/corecast/softswitch/port"
)

// Whatever the kernel says of a frame, restore stays inside its buffer and
// changes its length by a tag or not at all.
func FuzzRestore(f *testing.F) {
	f.Add(make([]byte, 60), make([]byte, vnetLen), make([]byte, controlLen))
	f.Add(frame(1, 60), []byte{1, 0, 0, 0, 0, 0, 34, 0, 6, 0}, []byte{36, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 0, 8, 0, 0, 0,
		0x51, 0, 0, 0, 60, 0, 0, 0, 60, 0, 0, 0, 0, 0, 14, 0, 7, 0x20, 0, 0x81})
	f.Add(frame(1, 60), []byte{1, 5, 0, 0, 0, 0, 255, 255, 255, 255}, []byte{})
	f.Fuzz(func(t *testing.T, data, header, control []byte) {
		if len(data) > port.MaxFrame || len(header) < vnetLen {
			return
		}
		buf := append(make([]byte, 0, port.MaxFrame), data...)
		var c controlBuffer
		n := copy(c.bytes[:], control)
		tag := parseAuxdata(c.bytes[:n])
		got, ok := restore(buf, parseVnet((*[vnetLen]byte)(header)), tag)
		want := len(data)
		if tag.present {
			want += vlanLen
		}
		if ok && len(got) != want {
			t.Fatalf("%d bytes became %d, want %d", len(data), len(got), want)
		}
	})
}

func TestChecksumIsNeverZero(t *testing.T) {
	f := []byte{0xff, 0xff, 0, 0}
	if !completeChecksum(f, 0, 2) || !bytes.Equal(f[2:], []byte{0xff, 0xff}) {
		t.Fatalf("checksum field = %x, want ffff", f[2:])
	}
}
