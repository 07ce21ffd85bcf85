// Package turn says whose turn it is: of several processes with one store, one
// at a time may do something, such as send a channel.
//
// The right is a key in the store, put with a lease of it that the holder
// renews. It promises that
//   - at most one process holds a turn: whoever has it knows until when, by the
//     monotonic clock of its own host, and that is before the store can have
//     given it to another (as long as the clocks run at the same speed within a
//     tenth; a host that is suspended, so that its clock stands still, is beyond
//     that);
//   - a holder that dies is followed after the lease at the latest, one that
//     resigns at once;
//   - what a holder writes on the condition of its turn (Turn.Condition) is not
//     written any more once another one has it.
package turn
