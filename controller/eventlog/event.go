package eventlog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/corecast/corecast/store"
)

// Event is something that happened. Before and After must hold no secrets.
type Event struct {
	Time   time.Time       `json:"time"`
	Kind   string          `json:"kind"`
	Object *Object         `json:"object,omitempty"`
	Who    string          `json:"who,omitempty"`
	Node   string          `json:"node,omitempty"`
	Text   string          `json:"text"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Object is what it happened to.
type Object struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// ID orders events: by the revision of the store that has them, and within it.
// The zero ID is before all events.
type ID struct {
	Revision store.Revision
	N        uint32
}

func (id ID) String() string { return fmt.Sprintf("%d.%d", id.Revision, id.N) }

// ParseID reads what String writes.
func ParseID(text string) (ID, error) {
	revision, n, _ := strings.Cut(text, ".")
	r, err1 := strconv.ParseUint(revision, 10, 64)
	i, err2 := strconv.ParseUint(n, 10, 32)
	if id := (ID{store.Revision(r), uint32(i)}); err1 == nil && err2 == nil && id.String() == text {
		return id, nil
	}
	return ID{}, fmt.Errorf("%.40q is no id of an event: want one like 1834.0", text)
}

// Compare orders ids.
func (id ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Revision, other.Revision), cmp.Compare(id.N, other.N))
}

// Entry is an event of the log.
type Entry struct {
	ID ID
	Event
	key  string
	size int
}

// prefix is that of all keys of the log. Keys are in the order of time, as each
// controller's clock has it; what counts is the order of revisions.
const prefix = "events/"

// key is that of the n-th event of a transaction of a node.
func key(t time.Time, node string, sequence uint64, n int) string {
	return fmt.Sprintf("%s%019d-%s-%d-%d", prefix, t.UnixNano(), node, sequence, n)
}

// entry decodes what the store holds.
func entry(e store.Entry) (Entry, error) {
	_, n, ok := strings.Cut(e.Key[max(0, strings.LastIndexByte(e.Key, '-')):], "-")
	i, err := strconv.ParseUint(n, 10, 32)
	if !ok || err != nil {
		return Entry{}, fmt.Errorf("%s is no key of an event", e.Key)
	}
	out := Entry{ID: ID{e.Created, uint32(i)}, key: e.Key, size: len(e.Key) + len(e.Value)}
	if err := json.Unmarshal(e.Value, &out.Event); err != nil {
		return Entry{}, fmt.Errorf("%s: %w", e.Key, err)
	}
	return out, nil
}
