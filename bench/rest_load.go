package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/corecast/corecast/source"
)

// restTurn is what a turn took.
type restTurn struct{ reads, writes, syncs latencies }

// restReads are the paths that are read in turn; a %05d is a channel's number.
var restReads = []string{
	"/api/v1/channels/channel-%05d", "/api/v1/channels/channel-%05d", "/api/v1/channels/channel-%05d",
	"/api/v1/channels?limit=20", "/api/v1/sites/site-0", "/api/v1/switches/itr-0", "/api/v1/status", "/api/v1/mappings?limit=20",
}

// maxLate is how many requests may wait for others before the load is given up:
// the controller does not keep up.
const maxLate = 5000

// load makes requests at the rate for some time.
func (b *restBench) load(ctx context.Context, turn *restTurn, d time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex // guards turn
	var wg sync.WaitGroup
	places := make(chan struct{}, maxLate)
	clock := source.NewClock()
	start := clock.Now()
	for i := 0; i < int(d.Seconds()*float64(b.o.Rate)) && ctx.Err() == nil; i++ {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(b.o.Rate))
		clock.Sleep(ctx, time.Until(due))
		select {
		case places <- struct{}{}:
		default:
			cancel(fmt.Errorf("%d requests wait: the controller does not keep up with %d a second", maxLate, b.o.Rate))
			continue
		}
		wg.Go(func() {
			defer func() { <-places }()
			write := i%b.o.Writes == 0
			if err := b.one(ctx, i, write); err != nil {
				cancel(err)
				return
			}
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			if write {
				turn.writes.add(took)
			} else {
				turn.reads.add(took)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// one makes the i-th request.
func (b *restBench) one(ctx context.Context, i int, write bool) error {
	channel := i * 7919 % b.o.Channels // spread over all
	if write {
		return b.put(ctx, channelPath(channel), channelSpec(channel, int(time.Now().UnixNano()/1000)))
	}
	path := restReads[i%len(restReads)]
	if path == restReads[0] {
		path = fmt.Sprintf(path, channel)
	}
	return b.ask(ctx, http.MethodGet, path, "")
}

// syncer writes and syncs a page of a file, as a durable write must at least.
type syncer struct {
	file *os.File
	page []byte
}

const (
	syncPage = 4096
	syncFile = 256 // pages
)

func newSyncer(dir string) (*syncer, error) {
	f, err := os.Create(filepath.Join(dir, "synced"))
	if err != nil {
		return nil, err
	}
	s := &syncer{f, make([]byte, syncPage)}
	for range syncFile {
		if _, err := f.Write(s.page); err != nil {
			return nil, err
		}
	}
	return s, f.Sync()
}

func (s *syncer) close() { s.file.Close() }

// measure syncs so many times a second for some time.
func (s *syncer) measure(ctx context.Context, turn *restTurn, d time.Duration, rate int) error {
	start := time.Now()
	for i := 0; i < int(d.Seconds()*float64(rate)) && ctx.Err() == nil; i++ {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		began := time.Now()
		if _, err := s.file.WriteAt(s.page, int64(i%syncFile)*syncPage); err != nil {
			return err
		}
		if err := s.file.Sync(); err != nil {
			return err
		}
		turn.syncs.add(time.Since(began))
	}
	return ctx.Err()
}
