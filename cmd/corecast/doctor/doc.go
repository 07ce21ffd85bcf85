// Package doctor checks whether a host can run CoreCast: what the kernel allows,
// what is in the way, and whether the switches of a configuration answer and run
// this version's program. It owns nothing and changes nothing; what it opens to
// see whether it can be opened, it closes.
package doctor
