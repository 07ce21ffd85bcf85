// Package watch is a viewer: it joins a channel at its source, proves its
// address, keeps its lease and hands on the media, while it measures how well
// that comes.
//
// It promises that
//   - the lease is renewed when the source asks for it, and again and again
//     while that fails; a lease that is lost anyway is asked for anew;
//   - only what the source sends is taken for media, as it is;
//   - the lease is given back at the end, whatever the end is.
package watch
