package controller

import (
	"maps"
	"sync"
	"time"
)

// Phase is where the reconciliation of a switch stands.
type Phase string

// Phases.
const (
	Connecting Phase = "connecting" // no session yet
	Syncing    Phase = "syncing"    // connected, being brought to what is wanted
	Ready      Phase = "ready"      // holds exactly what is wanted
	Failing    Phase = "failing"    // the last attempt failed; retried
	Standby    Phase = "standby"    // not ours: another controller's, or nobody's yet
)

// Status is the state of the controller's work.
type Status struct {
	Switches []SwitchStatus `json:"switches"` // in the order of the configuration
	Warnings []string       `json:"warnings,omitempty"`
}

// Ready reports whether every switch holds what is wanted, as far as it is this
// controller's; one that is nobody's does not.
func (s Status) Ready() bool {
	for _, sw := range s.Switches {
		if !sw.ready() {
			return false
		}
	}
	return true
}

func (s *SwitchStatus) ready() bool {
	return s.Phase == Ready || s.Phase == Standby && s.Master != ""
}

// SwitchStatus is the state of one switch.
type SwitchStatus struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	// Master names the controller whose switch it is, where several share them.
	Master string    `json:"master,omitempty"`
	Phase  Phase     `json:"phase"`
	Reason string    `json:"reason,omitempty"` // why it is not ready
	Fix    string    `json:"fix,omitempty"`    // what to do about it
	Since  time.Time `json:"since"`            // of Phase
	// Wanted and Installed count entries, groups and meter cells; Installed is what of
	// Wanted the switch was last known to hold.
	Wanted    int `json:"wanted"`
	Installed int `json:"installed"`
	// Problems are what is wanted but cannot be programmed.
	Problems []string `json:"problems,omitempty"`
	// Version is that of P4Runtime which the switch speaks, "" where it does not
	// say.
	Version string `json:"p4runtime,omitempty"`
	// Failing is the first of what the switch refuses.
	Failing []FailingUpdate `json:"failing,omitempty"`
	// Foreign is the first of what the switch holds that is not ours: it is left
	// alone.
	Foreign []string `json:"foreign,omitempty"`
	// Lacks is what the target cannot do, and what that costs.
	Lacks []string `json:"lacks,omitempty"`
	// Drift counts the repairs of what somebody else did to the switch.
	Drift uint64 `json:"drift"`
	// Updates counts what was written since the controller started, Pipelines
	// the programs pushed, Retries the attempts that failed.
	Updates   uint64 `json:"updates"`
	Pipelines uint64 `json:"pipelines"`
	Retries   uint64 `json:"retries"`
	// Punts counts packet-ins by reason, PuntsDropped those that came faster
	// than they were taken.
	Punts        map[string]uint64 `json:"punts,omitempty"`
	PuntsDropped uint64            `json:"punts_dropped"`
	// SlowPath counts what was done about them.
	SlowPath map[string]uint64 `json:"slow_path,omitempty"`
	// StreamErrors counts the messages that the switch refused.
	StreamErrors    uint64 `json:"stream_errors,omitempty"`
	LastStreamError string `json:"last_stream_error,omitempty"`
}

// board keeps the status of one switch and tells who waits that it changed.
type board struct {
	changed func() // called after each change, without the lock

	mu sync.Mutex // guards s
	s  SwitchStatus
}

func (b *board) read() SwitchStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.s
	s.Punts = maps.Clone(s.Punts)
	return s
}

// unready is why the switch is told nothing, or "".
func (b *board) unready() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.s.Phase {
	case Connecting:
		return "not connected: " + b.s.Reason
	case Failing:
		return b.s.Reason
	}
	return ""
}

func (b *board) update(f func(*SwitchStatus)) {
	b.mu.Lock()
	before := b.s.Phase
	f(&b.s)
	if b.s.Phase != before {
		b.s.Since = time.Now()
	}
	b.mu.Unlock()
	b.changed()
}

// phase moves to a phase, with the reason for not being ready.
func (b *board) phase(p Phase, reason string) {
	b.update(func(s *SwitchStatus) { s.Phase, s.Reason = p, reason })
}
