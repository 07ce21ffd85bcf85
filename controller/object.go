package controller

import "fmt"

// Kind is a sort of thing that wants something of switches.
type Kind string

// Kinds of objects.
const (
	KindSwitch   Kind = "switch"   // the switch itself: its target, its limits, its groups
	KindPort     Kind = "port"     // named switch/port
	KindSite     Kind = "site"     // its EID prefixes and RLOCs
	KindChannel  Kind = "channel"  // at its ITR
	KindStream   Kind = "stream"   // a channel at an ETR
	KindMapping  Kind = "mapping"  // named as lisp.EID writes it
	KindRLOC     Kind = "rloc"     // that mappings refer to, by address
	KindRLOCSet  Kind = "rloc_set" // several of them, by their shares
	KindNeighbor Kind = "neighbor" // by address
)

// Object is a thing that an operator knows by name, and that wants entries of
// switches.
type Object struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

func (o Object) String() string { return string(o.Kind) + " " + o.Name }

func object[N any](kind Kind, name N) Object { return Object{kind, fmt.Sprint(name)} }
