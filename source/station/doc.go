// Package station runs a source: its channels, each from an input to the ITR,
// and the viewer API in front of them.
//
// It owns the configuration of a source (a YAML file, or what a command's flags
// say). It promises that
//   - a configuration is checked as a whole before anything starts, and errors
//     name the line, the value and what would be right;
//   - channels do not disturb each other: one that fails is told, and started
//     again if its input is live;
//   - a context ends everything.
package station
