package reporter

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/station"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMake(t *testing.T) {
	now := []station.Now{{Channel: "news", Payloads: 7, Bytes: 9212, Headers: 14, Unicast: 2, More: 3, Viewers: []dstlist.Viewer{
		{EID: netip.MustParseAddr("10.1.0.11"), Port: 5004}, {EID: netip.MustParseAddr("10.7.0.1"), Port: 5004, Unicast: true}}}}
	r := &Reporter{Now: func(int) []station.Now { return now }}
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	got := r.make(start).Channels[0]
	if got.Name != "news" || got.Payloads != 7 || got.Bytes != 9212 || got.Headers != 14 || got.Unicast != 2 || got.More != 3 ||
		len(got.Viewers) != 2 || !got.Viewers[0].CoreCast || got.Viewers[1].CoreCast || got.Viewers[0].Since != start {
		t.Errorf("%+v", got)
	}
	now[0].Viewers = append(now[0].Viewers[:1], dstlist.Viewer{EID: netip.MustParseAddr("10.1.0.12"), Port: 1})
	got = r.make(start.Add(time.Minute)).Channels[0]
	if got.Viewers[0].Since != start || got.Viewers[1].Since != start.Add(time.Minute) || len(r.since) != 2 {
		t.Errorf("%+v, %d remembered", got.Viewers, len(r.since))
	}
}

// broken fails until it is mended.
type broken struct {
	mu    sync.Mutex
	err   error
	taken []api.SourceReport
}

func (b *broken) Report(_ context.Context, _ string, report api.SourceReport) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = append(b.taken, report)
	return b.err
}

// A controller that does not answer is told of once, and nothing waits for it.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var said []string
	c := &broken{err: errors.New("nothing listens there")}
	r := &Reporter{Controller: c, Source: "studio-1", Now: func(int) []station.Now { return nil },
		Say: func(line string) { said = append(said, line); cancel() }}
	r.Run(ctx)
	if len(said) != 1 || !strings.Contains(said[0], "does not take reports: studio-1: nothing listens there") || len(c.taken) != 1 {
		t.Errorf("said %q after %d reports", said, len(c.taken))
	}
}
