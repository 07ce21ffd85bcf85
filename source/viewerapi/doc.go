// Package viewerapi lets viewers come and go over HTTP: the out-of-band
// framework of the paper's section 3.3.
//
//	POST   /v1/channels/{name}/viewers        join: prove the address, get a lease
//	GET    /v1/channels/{name}/viewers/{id}   the lease
//	PUT    /v1/channels/{name}/viewers/{id}   renew it
//	DELETE /v1/channels/{name}/viewers/{id}   leave
//	POST   /v1/channels/{name}/renewals       renew many
//	GET    /v1/channels, /v1/channels/{name}  what there is
//	GET    /v1/channels/{name}.m3u            a playlist for a player on this port
//	GET    /v1/events                         who joins, leaves, expires (SSE)
//	GET    /                                  a page that joins, and renews
//
// It promises that
//   - nothing is sent to an address that has not proved that it wants it: it is
//     the one that asks, over TCP, or it echoes a nonce that was sent to it by
//     UDP, from that very address and port;
//   - a lease ends when it is not renewed, and never outlives the permission it
//     was given for; its id cannot be guessed, and whoever has it may renew;
//   - what a client can make it remember is bounded: leases per address, joins
//     under way per address and in all, requests under way, sizes of everything
//     that is read;
//   - the stream is never held up: the source reads the viewer list whatever
//     happens here.
//
// Errors are problem details (RFC 9457) that say what would be right.
package viewerapi
