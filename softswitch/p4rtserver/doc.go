// Package p4rtserver serves P4Runtime v1 for one switch that runs a
// softswitch/engine Dataplane.
//
// It owns the control plane's view of the switch: who is primary, the P4Info
// that names things, and the translation between P4Runtime entities and the
// engine's. It owns no socket and no port: Register puts it on a gRPC server,
// Config.Packets and Server.PacketIn join it to the switch's CPU port.
//
// It promises to do what a request says or to refuse it by name with the
// specification's code; never to do part of an update, or nothing, silently.
// Where the specification leaves room it does what bmv2 does:
//
//   - The primary is the live client with the highest election id, so the
//     next-highest takes over when it leaves.
//   - A value too wide for its field is INVALID_ARGUMENT (the specification
//     has OUT_OF_RANGE).
//   - A packet-out may leave out metadata fields; they are zero.
//
// Where bmv2 is weak it is stricter or does more: nothing can be written
// without being primary, replicas keep the order in which they were written,
// registers can be read and written, long reads come in several messages.
//
// Not implemented, and refused by name: roles, action profiles, meters, value
// sets, externs, idle timeouts, RECONCILE_AND_COMMIT, and the atomicities
// other than CONTINUE_ON_ERROR.
package p4rtserver
