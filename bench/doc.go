// Package bench measures what CoreCast costs in CPU time, beside what the same
// work costs without it, in one run.
//
// It owns the workloads (the paper's audience of 1,429 viewers as frames), the
// switches they go through and the measuring; for sources, real sockets on the
// loopback interface. It promises that
//   - the workloads of one report are measured in turns, a round of each at a
//     time, in one thread, by that thread's own CPU time, so that what else the
//     machine does falls on all of them alike;
//   - a round is checked by the packets that leave: a workload that does not do
//     what it says is an error, not a figure;
//   - figures are medians, with the least and the most beside them.
package bench
