// Package client is the other side of a Map-Server: a small LISP control plane
// client, for whoever needs mappings.
//
// It owns three things. Lig asks a Map-Resolver once, as the lig tool does
// (RFC 6835). A Resolver asks for whoever resolves many EIDs, with several
// upstream Map-Resolvers. An XTR is a whole xTR's control plane: it registers
// EID-prefixes, answers for them, keeps a map-cache, follows SMRs and
// subscribes to mappings (RFC 9437).
//
// What is promised:
//
//   - An answer is taken only if it repeats an unguessable nonce of a request
//     that is still open and is about the EID that was asked for; a Map-Notify
//     only from the Map-Server and with its key's authentication data. All
//     else changes nothing and is counted in Ignored. (A Map-Reply may come
//     from anywhere: the Map-Resolver, a Map-Server or an ETR.)
//   - Requests are repeated with growing waits, and end: by an answer, by
//     their last attempt or by their context.
//   - Memory is bounded: open requests, map-cache and subscriptions have limits.
//   - What is returned aliases no buffer.
package client
