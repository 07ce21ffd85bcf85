// Package slowpath answers what one switch gives to its controller: map-cache
// misses, new streams, LISP control messages, packets that need an ICMP error,
// ARP and neighbor discovery.
//
// A Path is a state machine for one switch. Packets, answers of the resolver and
// time go in; what it wants done comes out through Actions, which return at
// once. It does no I/O and starts no goroutine. One goroutine uses it.
//
// It promises: whatever a sender can make it remember or send is bounded and
// rate limited; packets that wait (for a mapping, for a MAC address) go on in the
// order in which they came, when the switch holds what they waited for; a
// CoreCast header never waits, because its payload would be gone; what is not
// done is counted with a reason.
package slowpath
