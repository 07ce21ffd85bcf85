// Package oracle is a slow, obvious model of one switch that runs the P4
// program: what an ITR, an ETR and a plain LISP xTR do with each frame, in
// maps and slices, written from the design and the tables' meaning and not from
// the program's text.
//
// It owns a switch's configuration as a person would write it down (Config),
// the table rows that say the same to a P4 switch (Config.Rows), and the model
// (Switch). It promises that a Switch and a P4 switch that were given the same
// Config and the same frames at the same times emit the same frames by the same
// ports, in the same order at each port, punt the same frames for the same
// reasons and count the same drops. The tests of this package hold it to that,
// on the softswitch and on stock bmv2.
//
// Nothing in it is fast, and nothing outside of tests should use it.
package oracle
