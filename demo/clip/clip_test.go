package clip_test

import (
	"io"
	"testing"
	"time"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source/ts"
)

// The clip is what its package promises: small, whole packets, six seconds of
// steady clock.
func TestClip(t *testing.T) {
	media, err := io.ReadAll(clip.Open())
	if err != nil || len(media) != clip.Size() {
		t.Fatalf("%d bytes of %d, %v", len(media), clip.Size(), err)
	}
	if len(media) == 0 || len(media) > 500_000 || len(media)%ts.PacketSize != 0 {
		t.Errorf("%d bytes, want whole packets and at most 500000", len(media))
	}
	if offset, err := ts.Check(media); offset != 0 || err != nil {
		t.Error(offset, err)
	}
	line := ts.NewTimeline(480_000)
	var scanner ts.Scanner
	var last int64
	references := 0
	for rest := media; ; {
		var packet []byte
		var offset int64
		if packet, offset, rest = scanner.Next(rest); packet == nil {
			break
		}
		if ref, ok := ts.ReadPCR(packet); ok {
			line.Add(offset, ref)
			references++
			last = offset
		}
	}
	if references < 100 || scanner.Losses() != 0 || line.Jumps() != 0 {
		t.Errorf("%d clock references, %d losses, %d jumps", references, scanner.Losses(), line.Jumps())
	}
	if d := line.At(last); d < 5500*time.Millisecond || d > 6500*time.Millisecond {
		t.Errorf("the clip lasts %v, want about 6s", d)
	}
}
