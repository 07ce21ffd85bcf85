// Package itr does the ITR's work at the source, for a domain that has no
// CoreCast ITR (the paper, section 3.4).
//
// Where an ordinary source sends a payload packet and its headers to the reserved
// EID, and an ITR makes of them one copy of the payload for each RLOC, Sender
// makes what that ITR would have sent: the copy, encapsulated for LISP (RFC 9300),
// and behind it the headers, straight to the RLOC; the copy again after so many
// headers if that is asked for. Viewers whose site has no CoreCast ETR get unicast,
// encapsulated for LISP if the site has an RLOC.
//
// How packets leave is a Transport's business. Sockets is one of ordinary UDP
// sockets, which need no privileges: the kernel makes the outer headers.
//
// It promises that
//   - the inner packets are, byte for byte, those that our ITR makes of what an
//     ordinary source sends, and each RLOC gets a payload before its headers;
//   - viewers whose RLOC is not known get nothing, and are counted;
//   - once running, sending allocates nothing.
package itr
