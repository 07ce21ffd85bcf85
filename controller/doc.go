// Package controller makes every switch hold exactly what the configuration
// asks for.
//
// Desired is a pure function from the desired state (sites, channels, switches,
// mappings in use) to the entries and multicast groups of every switch. A plan
// keeps that of one switch up to date as mappings and neighbors change, at the
// cost of what changes. Controller runs one owner goroutine per switch that
// connects, becomes primary, pushes the program if the switch runs another,
// reads back what the switch holds, and writes the difference, again after a
// reconnect and periodically, so that drift is repaired; in between it writes
// what changes in the plan. What switches punt is answered by package slowpath,
// and what that learns goes into the plan.
//
// It promises: a switch that is right is not written to; what is written is
// referred to only after it is there, and deleted only after nothing refers to
// it; every failure is in Status with its reason and since when, and is
// retried with backoff. All tables of the CoreCast program are the
// controller's; multicast groups outside the program's range are not touched.
//
// docs/design/0003-reconciliation.md and 0006-slow-path.md tell why it is done
// this way.
package controller
