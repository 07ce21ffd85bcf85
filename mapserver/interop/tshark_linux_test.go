package interop

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corecast/corecast/internal/tshark"
)

// broken is what tshark says of a packet that is not as its protocol wants it:
// malformed, or marked as an error or a warning by a dissector, whose checksum
// is wrong, or that has bytes which belong to nothing.
const broken = "_ws.malformed || _ws.unreassembled || _ws.expert.severity >= 0x600000 || " +
	"ip.checksum.status == 0 || udp.checksum.status == 0 || data"

// tsharkDecodes gives all control messages of the core to tshark.
func (s *scenario) tsharkDecodes(t *testing.T) {
	tshark.Skip(t)
	packets := s.capture.since(0, isControl)
	path := filepath.Join(t.ArtifactDir(), "control.pcap")
	if err := writePcap(path, packets); err != nil {
		t.Fatal(err)
	}
	if decoded := tshark.Filter(t, path, "lisp"); len(decoded) != len(packets) || len(packets) < 100 {
		t.Errorf("tshark takes %d of %d packets for LISP control messages", len(decoded), len(packets))
	}
	if bad := tshark.Filter(t, path, broken); len(bad) != 0 {
		t.Errorf("tshark finds %d of %d control messages broken:\n%s", len(bad), len(packets), strings.Join(bad, "\n"))
	}
	t.Logf("tshark decoded %d control messages", len(packets))

	// It would have found one: the first, with more records than it has.
	damaged := packets[0]
	damaged.data = bytes.Clone(damaged.data)
	damaged.data[len(damaged.data)-len(damaged.payload)+3] = 0xff
	path = filepath.Join(t.TempDir(), "damaged.pcap")
	if err := writePcap(path, []packet{damaged}); err != nil {
		t.Fatal(err)
	}
	for _, filter := range []string{"_ws.malformed", broken} {
		if bad := tshark.Filter(t, path, filter); len(bad) != 1 {
			t.Errorf("tshark finds nothing wrong with a damaged message by %q", filter)
		}
	}
}
