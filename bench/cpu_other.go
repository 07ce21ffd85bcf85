//go:build !linux

package bench

import "time"

var started = time.Now()

// threadTime is wall time where threads have no clock of their own.
func threadTime() time.Duration { return time.Since(started) }
