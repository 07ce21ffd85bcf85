// Package mappings is the source as a LISP client: it knows the mappings of the
// viewers' EIDs, and which of their sites have a CoreCast ETR.
//
// It asks Map-Resolvers with the Site-ID CORECAST, so that it is told of the
// CoreCast capability, keeps what they answer, and keeps it right: by PubSub (RFC
// 9437) where a Map-Server takes the source for an xTR of its own, by the SMRs
// that it is sent, and by asking again before TTLs end.
//
// It promises that
//   - Lookup never waits; what it does not know is asked for, once however many
//     viewers want it;
//   - what is known stays known while viewers use it and nobody says otherwise,
//     also when no Map-Resolver answers: it is asked again and again, with
//     growing waits;
//   - an answer is taken if it repeats the nonce of a request that is open, a
//     Map-Notify if it is signed with the key of the registration, and of both
//     only what was asked for; the rest is dropped and counted, with the reason;
//   - memory is bounded: mappings, locators in one, requests that are open or
//     wait.
package mappings
