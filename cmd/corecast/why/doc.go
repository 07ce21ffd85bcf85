// Package why walks the way of a viewer's media, from the lease at the source over
// the mapping of its EID and the switches on its way to the counters, and says
// where it stops, or what it waits for. It asks a controller, and changes nothing.
package why
