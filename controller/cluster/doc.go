// Package cluster shares switches among several controllers that have one store.
//
// It owns who is there (Member), and which of them masters each switch. A node is
// there as long as it holds a lease in the store, and so are its masterships: keys
// under that lease. A switch that has no master is taken by the node that Balance
// gives it to; a node gives up what is another's by Balance, closes its session
// with the switch, and only then lets go of the key.
//
// What is promised:
//
//   - The store has one master at most of each switch, and a new one's election
//     id is higher than those of all before it: it is the revision at which the
//     key came to be. So the switch refuses a master of before.
//   - A node that cannot renew its lease gives up its switches before the lease can
//     have ended, by a clock that nobody sets.
//   - A node that stops gives up its lease, so that the others take over at once;
//     one that dies is succeeded when its lease ends.
//   - Nodes that agree on who is there and what the switches are come to have as
//     many switches each as all others, or one more, and move no more of them than
//     that takes.
//
// docs/design/0007-several-controllers.md says how and why.
package cluster
