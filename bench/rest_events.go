package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// followers are clients that follow the events of a controller.
type followers struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex // guards all below
	left error      // why the first of them no longer follows
	ids  []string   // the last event that each has had
}

// followed has clients follow what the load does, and returns what that took.
func (b *restBench) followed(ctx context.Context) (beside restTurn, err error) {
	if b.o.Followers == 0 {
		return beside, nil
	}
	f, err := b.follow(ctx)
	if err != nil {
		return beside, err
	}
	defer f.stop()
	if err := b.load(ctx, &beside, b.o.Slice); err != nil {
		return beside, err
	}
	return beside, f.check()
}

// follow has all clients follow, and returns when all do.
func (b *restBench) follow(ctx context.Context) (*followers, error) {
	ctx, cancel := context.WithCancel(ctx)
	f := &followers{cancel: cancel, ids: make([]string, b.o.Followers)}
	for i := range b.o.Followers {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/api/v1/events", nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Accept", "text/event-stream")
		answer, err := b.http.Do(r)
		if err == nil && answer.StatusCode != http.StatusOK {
			answer.Body.Close()
			err = fmt.Errorf("%s", answer.Status)
		}
		if err != nil {
			f.stop()
			return nil, fmt.Errorf("client %d that follows events: %w", i, err)
		}
		f.wg.Go(func() { f.read(ctx, i, answer.Body) })
	}
	return f, nil
}

// read reads the events of one client until it ends.
func (f *followers) read(ctx context.Context, i int, body io.ReadCloser) {
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		id, ok := strings.CutPrefix(lines.Text(), "id:")
		if !ok {
			continue
		}
		f.mu.Lock()
		f.ids[i] = strings.TrimSpace(id)
		f.mu.Unlock()
	}
	if ctx.Err() == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.left == nil {
			f.left = fmt.Errorf("client %d no longer follows events: %v", i, lines.Err())
		}
	}
}

// followTime is how long the last event may be on its way to all.
const followTime = 30 * time.Second

// check waits until all have had the same last event, and reports if one has not.
func (f *followers) check() error {
	for deadline := time.Now().Add(followTime); ; time.Sleep(10 * time.Millisecond) {
		f.mu.Lock()
		err, same := f.left, 0
		for _, id := range f.ids {
			if id == f.ids[0] && id != "" {
				same++
			}
		}
		f.mu.Unlock()
		switch {
		case err != nil || same == len(f.ids):
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("%d of %d clients have had the last event", same, len(f.ids))
		}
	}
}

func (f *followers) stop() {
	f.cancel()
	f.wg.Wait()
}
