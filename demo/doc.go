// Package demo runs the network of the paper's Fig. 2 in one process: a source,
// its ITR, an ETR for every domain and the viewers behind them, programmed by
// the real controller over P4Runtime, carrying real media.
//
// It owns the accounts of a run: what the source sent, what the transit network
// carried and lost, and what each viewer received. It promises that a Report
// whose Verdict is nil is true: every delivery was compared with the bytes that
// were sent, every one missing has a cause, and the transit copies were counted
// on the wire, not taken from the switches' word.
package demo
