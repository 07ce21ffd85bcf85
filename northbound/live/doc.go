// Package live turns the switches' counters into what a person wants to see of
// a running network: rates, copies per payload, viewers of a site, losses, and
// what transit costs beside what unicast would have.
//
// It reads counters only when it is asked, and each at most once a second
// however many ask. What nobody asked for in a minute is forgotten. So it owns no
// goroutine, and what it can be made to hold and to read is bounded.
package live
