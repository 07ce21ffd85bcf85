// Package eventlog keeps what happened lately: every change of the desired state,
// and what the controllers saw of switches, sites and streams.
//
// It owns the keys under events/ of the store. It promises: events have one order
// for all controllers of a store, by ids that grow; an event of a change is
// durable if and only if the change is, since both are one transaction (Ops);
// what is kept is bounded in number and in bytes, the oldest goes first, and a
// reader that missed something is told so. Recording what was merely seen never
// waits: it is dropped, and counted, while the store cannot be written.
package eventlog
