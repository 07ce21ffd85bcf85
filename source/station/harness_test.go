package station_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/station"
	"github.com/corecast/corecast/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

// loopback is the configuration of a source of one channel on the loopback
// interface.
func loopback(t *testing.T, input, reserved string) *station.Config {
	t.Helper()
	return &station.Config{
		Listen: "127.0.0.1:0", Proof: "127.0.0.1:0",
		Channels: []station.Channel{{
			Name: "news", Input: input, UDPPort: freePort(t),
			SourceEID: netip.MustParseAddr("127.0.0.1"), ReservedEID: netip.MustParseAddr(reserved),
		}},
	}
}

// run runs a station until the test ends, or until stop.
func run(t *testing.T, cfg *station.Config) (url string, said *sourcetest.Messages, stop func() ([]station.Report, error)) {
	return runOn(t, nil, cfg)
}

// runOn is run with a store that others use too.
func runOn(t *testing.T, shared store.Store, cfg *station.Config) (url string, said *sourcetest.Messages, stop func() ([]station.Report, error)) {
	t.Helper()
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	said = new(sourcetest.Messages)
	var s *station.Station
	var err error
	if shared != nil {
		s, err = station.NewOn(t.Context(), shared, cfg, said.Add)
	} else {
		s, err = station.New(t.Context(), cfg, said.Add)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var reports []station.Report
	done := make(chan struct{})
	go func() { defer close(done); reports, err = s.Run(ctx) }()
	stop = func() ([]station.Report, error) { cancel(); <-done; return reports, err }
	t.Cleanup(func() {
		_, _ = stop()
		if t.Failed() {
			t.Log(said)
		}
	})
	return "http://" + s.APIAddr().String(), said, stop
}

func clipFile(t *testing.T) string {
	t.Helper()
	media, err := io.ReadAll(clip.Open())
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "clip.ts")
	if err := os.WriteFile(name, media, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// unbroken fails the test unless media is a piece of the clip played in a loop:
// nothing is missing and nothing is changed.
func unbroken(t *testing.T, media []byte) {
	t.Helper()
	once, err := io.ReadAll(clip.Open())
	if err != nil {
		t.Fatal(err)
	}
	looped := bytes.Repeat(once, len(media)/len(once)+2)
	if len(media) == 0 || !bytes.Contains(looped, media) {
		t.Errorf("%d bytes of media are not a piece of the clip", len(media))
	}
}

// settles waits until a number has been the same for a while, and returns it.
func settles(t *testing.T, what string, number func() int) int {
	t.Helper()
	const while = 200 * time.Millisecond // several packets of the clip
	last, since := number(), time.Now()
	sourcetest.Until(t, what+" to settle", func() bool {
		if n := number(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > while
	})
	return last
}

// looped is the configuration of sources that send a clip for ever. Its address
// and port are nobody else's, also while none of them sends.
func looped(t *testing.T, reserved string) *station.Config {
	cfg := loopback(t, clipFile(t), reserved)
	c := &cfg.Channels[0]
	c.Loop, c.SourceEID, c.UDPPort = true, netip.MustParseAddr("127.45.0.11"), 5004
	return cfg
}
