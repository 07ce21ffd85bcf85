// Package dstlist is the paper's chanDstList (section 3.3): the viewers of one
// channel, in the order in which the source serves them.
//
// Viewers are grouped by the RLOC of their site, sites ordered by RLOC, so that
// viewers of one site share header packets and the ITR meets each site once in
// a round. Viewers whose RLOC is not known come first, and each in a header of
// its own. Entries are kept as they go on the wire: a header packet is a copy.
// Viewers whose site has no CoreCast ETR come last: they get the media itself.
//
// The list may change at any time, also while a round is sent. It promises that
//   - Join, Renew, Leave and Regroup take constant time, amortised; so does the
//     expiry of a viewer;
//   - a round serves each viewer that is in the list all through it exactly
//     once and one way, whoever else comes or goes or is regrouped; one that
//     left or expired is not served any more, not even later in the same round;
//   - a lease ends up to Tick early, never late, if it is longer than that;
//   - memory is bounded by the number of viewers and the Limit, which several
//     lists may share: about 100 bytes for an IPv4 viewer.
package dstlist
