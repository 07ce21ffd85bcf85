// Package cli has what the commands share: how wrong use is told, the flags of
// commands that ask a controller, and how results are written. It knows no command.
package cli
