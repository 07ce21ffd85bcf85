package northbound

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/corecast/corecast/controller/eventlog"
	"github.com/corecast/corecast/northbound/api"
)

// maxFrames is how many events are kept as text: a follower that is further behind
// costs its own.
const maxFrames = 4 * atOnce

// frames are the newest events as text, for a thousand followers to share.
type frames struct {
	mu    sync.Mutex // guards what follows
	texts map[eventlog.ID]string
	order []eventlog.ID // as they came
}

// of is an event as text.
func (f *frames) of(e *eventlog.Entry) (string, error) {
	f.mu.Lock()
	text, ok := f.texts[e.ID]
	f.mu.Unlock()
	if ok {
		return text, nil
	}
	out := eventOf(e)
	text, err := frame(&out)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := f.texts[e.ID]; there {
		return text, nil
	}
	if f.texts == nil {
		f.texts = make(map[eventlog.ID]string, maxFrames)
	}
	if len(f.order) == maxFrames {
		delete(f.texts, f.order[0])
		f.order = append(f.order[:0], f.order[1:]...)
	}
	f.texts[e.ID] = text
	f.order = append(f.order, e.ID)
	return text, nil
}

// frame is an event as server-sent events have it.
func frame(e *api.Event) (string, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Kind, data), nil
}
