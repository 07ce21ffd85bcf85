// Package udp gives a Map-Server its sockets: UDP port 4342 on several
// addresses, IPv4 and IPv6.
//
// It owns the sockets, the goroutines that serve them and the server's clock.
// What is promised:
//
//   - What a request came to, an address among many or one behind 0.0.0.0 or
//     [::], is what the answer leaves from, port included.
//   - On Linux several workers share each address, by SO_REUSEPORT; the kernel
//     keeps each sender with one worker, so that its messages stay in order.
//     An address that another program holds is refused nevertheless, even if
//     that is a second Map-Server.
//   - Datagrams move in batches, by recvmmsg and sendmmsg, and nothing is
//     allocated for them; answers of one size to one requester go to the kernel
//     as one (UDP_SEGMENT), and to the requester as they are. Sending waits for nothing: what the kernel does not
//     take at once is dropped and counted, as the network would; LISP repeats
//     what matters.
//   - Serve ends with its context, and leaves no goroutine behind.
//
// The system calls are made directly: x/net's ReadBatch costs the same time
// but allocates an address for each datagram.
package udp
