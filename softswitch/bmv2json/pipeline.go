package bmv2json

import "math/big"

// Actions, and the pipelines that run them.

// Action is an action.
type Action struct {
	Name       string      `json:"name"`
	ID         int         `json:"id"`
	Params     []Param     `json:"runtime_data"`
	Primitives []Primitive `json:"primitives"`
	Source     *Source     `json:"source_info"`
}

// Param is a control-plane parameter of an action.
type Param struct {
	Name string `json:"name"`
	Bits int    `json:"bitwidth"`
}

// Primitive is one step of an action.
type Primitive struct {
	Op     string  `json:"op"`
	Params Values  `json:"parameters"`
	Source *Source `json:"source_info"`
}

// Pipeline is a control: ingress or egress.
type Pipeline struct {
	Name           string        `json:"name"`
	Init           *string       `json:"init_table"`
	Tables         []Table       `json:"tables"`
	Conditionals   []Conditional `json:"conditionals"`
	ActionCalls    []ActionCall  `json:"action_calls"`
	ActionProfiles []Named       `json:"action_profiles"`
}

// Table is a match-action table.
type Table struct {
	Name           string             `json:"name"`
	ID             int                `json:"id"`
	Source         *Source            `json:"source_info"`
	Key            []Key              `json:"key"`
	MatchType      string             `json:"match_type"`
	Type           string             `json:"type"`
	MaxSize        int                `json:"max_size"`
	WithCounters   bool               `json:"with_counters"`
	SupportTimeout bool               `json:"support_timeout"`
	DirectMeter    *string            `json:"direct_meters"`
	ActionIDs      []int              `json:"action_ids"`
	Actions        []string           `json:"actions"`
	DefaultNext    *string            `json:"base_default_next"`
	Next           map[string]*string `json:"next_tables"`
	Default        *ActionEntry       `json:"default_entry"`
	Entries        []Entry            `json:"entries"`
}

// Key is one field of a table's key.
type Key struct {
	MatchType string
	Name      string
	// Target is the field; for match type "valid", Header is the header and
	// Field is empty.
	Target FieldRef
	Mask   *big.Int
}

// ActionEntry is an action with its parameters.
type ActionEntry struct {
	ActionID   int
	Const      bool // action fixed
	EntryConst bool // parameters fixed too
	Data       []*big.Int
}

// Entry is a const entry of a table.
type Entry struct {
	Source   *Source
	Match    []EntryKey
	Action   ActionEntry
	Priority int // the smaller wins
}

// EntryKey is one field of an Entry's match key.
type EntryKey struct {
	MatchType  string
	Key, Mask  *big.Int // Key is 0 or 1 for "valid"
	PrefixLen  int
	Start, End *big.Int
}

// Conditional is a branch.
type Conditional struct {
	Name   string  `json:"name"`
	Source *Source `json:"source_info"`
	Expr   *Value  `json:"expression"`
	True   *string `json:"true_next"`
	False  *string `json:"false_next"`
}

// ActionCall runs an action without a table.
type ActionCall struct {
	Name     string  `json:"name"`
	ActionID int     `json:"action_id"`
	Next     *string `json:"next_node"`
	Source   *Source `json:"source_info"`
}
