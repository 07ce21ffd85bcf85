package northbound

import (
	"fmt"
	"sync"
	"testing"

	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/store"
)

// Whoever asks gets the text of the event that it asks for, however many there are.
func TestFrames(t *testing.T) {
	const readers = 8
	f := new(frames)
	entries := make([]eventlog.Entry, 3*maxFrames)
	for i := range entries {
		entries[i] = eventlog.Entry{ID: eventlog.ID{Revision: store.Revision(i + 1)}, Event: eventlog.Event{Kind: "object.changed", Text: fmt.Sprint("change ", i)}}
	}
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for i := range entries {
				e := eventOf(&entries[i])
				want, err := frame(&e)
				if err != nil {
					t.Error(err)
				}
				if got, err := f.of(&entries[i]); err != nil || got != want {
					t.Errorf("%q, %v, want %q", got, err, want)
				}
			}
		})
	}
	wg.Wait()
	if len(f.texts) != maxFrames || len(f.order) != maxFrames {
		t.Errorf("%d texts and %d ids are kept, want %d", len(f.texts), len(f.order), maxFrames)
	}
}

// BenchmarkFollowers is what an event costs for each client beyond sending it.
func BenchmarkFollowers(b *testing.B) {
	e := eventlog.Entry{ID: eventlog.ID{Revision: 1834}, Event: eventlog.Event{Kind: "object.changed", Text: "channel news was changed", After: []byte(`{"name":"news"}`)}}
	b.Run("shared", func(b *testing.B) {
		f := new(frames)
		for b.Loop() {
			if _, err := f.of(&e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("each", func(b *testing.B) {
		for b.Loop() {
			out := eventOf(&e)
			if _, err := frame(&out); err != nil {
				b.Fatal(err)
			}
		}
	})
}
