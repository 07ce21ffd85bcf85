// Package source is S, the node that sends a channel once: it cuts media into
// chunks, and for each chunk sends one payload packet followed by header
// packets for the viewers in the channel's list (the paper, section 3.3).
//
// Run is one channel. It promises that
//   - the media arrives as it is: chunks are cut from the bytes of the input,
//     the last one may be shorter, and so may one before a pause of a live
//     input; nothing is added or left out;
//   - a round (a payload and all its headers) is sent whole or not begun, so
//     that an end in the middle leaves every viewer with the same payloads;
//   - viewers whose site has no CoreCast ETR get the media itself, in the same
//     round and at the same pace, if the sender can (BatchSender);
//   - rounds are paced by the clock in the stream (or by arrival, a bitrate,
//     or not at all), and never catch up in a burst longer than MaxLag;
//   - the headers of a round are spread over the time until the next payload,
//     in batches of what is due in a millisecond (of 16 if that is more);
//   - payloads are as long as the path takes, and become shorter when it turns
//     out to take less; the media stays whole;
//   - once running, a round allocates nothing;
//   - the goroutine that calls Run does the work (another one takes what a live
//     input brings meanwhile), and a context ends it.
//
// Who the viewers are is in package dstlist, what is known of their sites in
// package mappings, how packets leave in package gso, where media comes from in
// package input. Package itr does without an ITR.
package source
