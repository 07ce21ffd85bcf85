// Package engine runs v1model programs that p4c compiled to BMv2 JSON; what it
// cannot run, Compile refuses by name.
//
// Compile turns the JSON into Go closures once; a Dataplane holds the state
// of one running switch and takes packets and control-plane calls. The
// behaviour is that of bmv2's simple_switch, run to completion: Process
// returns when every copy of the packet has left, so runs are deterministic.
//
// The engine owns no goroutine, no socket and no clock of its own: its
// callers bring ports, a P4Runtime server and timers. It knows nothing of any
// particular P4 program.
//
// Where it differs from simple_switch: there are no queues, hence no
// tail-drop, and copies of a packet are processed in the order in which they
// were made; a register index out of range reads 0, writes nothing and is
// counted (Stats.RegisterRange); resubmission and recirculation are bounded
// (Config.MaxPasses); a program that uses what the engine does not support is
// refused by Compile with the name and source line of what it is.
package engine
