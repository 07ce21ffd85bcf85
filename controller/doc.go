// Package controller makes every switch hold exactly what the configuration
// asks for.
//
// It has two halves. Desired is a pure function from the desired state (sites,
// channels, switches, mappings in use) to the entries and multicast groups of
// every switch. Controller runs one owner goroutine per switch that connects,
// becomes primary, pushes the program if the switch runs another, reads back
// what the switch holds, and writes the difference; again after a change, after
// a reconnect, and periodically, so that drift is repaired.
//
// It promises: a switch that is right is not written to; what is written is
// referred to only after it is there, and deleted only after nothing refers to
// it; every failure is in Status with its reason and since when, and is
// retried with backoff. All tables of the CoreCast program are the
// controller's; multicast groups outside the program's range are not touched.
//
// docs/design/0003-reconciliation.md tells why it is done this way.
package controller
