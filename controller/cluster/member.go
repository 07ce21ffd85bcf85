package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Prefix is that of all keys here. No backup should have them: they tell of the
// controllers that run, and of where the election ids of this very store begin.
const Prefix = "cluster/"

// What is in the store, by key. All but the epoch is under the lease of a node.
//
//	cluster/epoch           the election ids begin here: 8 bytes
//	cluster/nodes/ID        a Member
//	cluster/switches/NAME   the id of the node that masters the switch
//	cluster/status/NAME     what its master says of the switch
const (
	epochKey   = Prefix + "epoch"
	nodeKeys   = Prefix + "nodes/"
	switchKeys = Prefix + "switches/"
	statusKeys = Prefix + "status/"
)

// Member is a node that is there.
type Member struct {
	ID    string    `json:"-"`     // of this run of it
	Name  string    `json:"name"`  // as configured
	URL   string    `json:"url"`   // of its REST API; empty: it has none
	Since time.Time `json:"since"` // when it was started
	// Switches stands for the names of the switches that it knows: nodes of
	// which it differs have different configurations.
	Switches string `json:"switches"`
	// Masters counts the switches that it masters.
	Masters int `json:"-"`
}

// maxMember bounds what is read of another node.
const maxMember = 4 << 10

func (m *Member) encode() ([]byte, error) { return json.Marshal(m) }

func decodeMember(id string, value []byte) (Member, error) {
	m := Member{}
	if len(value) > maxMember {
		return m, fmt.Errorf("node %s: %d bytes about itself: at most %d", id, len(value), maxMember)
	}
	if err := json.Unmarshal(value, &m); err != nil {
		return m, fmt.Errorf("node %s: %w", id, err)
	}
	m.ID = id
	return m, nil
}

// digest stands for a sorted list of names.
func digest(names []string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return hex.EncodeToString(sum[:8])
}
