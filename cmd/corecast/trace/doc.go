// Package trace follows imaginary packets through the tables of a network of
// switches. It owns a copy of each switch's data plane in this process, filled
// with what the switch is to hold or holds; no packet reaches a switch, and
// nothing of a switch changes.
//
// The copies run the same program as the switches, on the softswitch's engine,
// so what they do is what the tables say; registers and meters start empty, as
// they are after a switch has started.
package trace
