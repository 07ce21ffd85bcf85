//go:build !linux

package bench

import (
	"errors"
	"time"
)

// processTime is wall time where the CPU time cannot be asked for.
func processTime() time.Duration { return time.Since(started) }

// cpuOf fails where the CPU time of other processes cannot be asked for.
func cpuOf(int) (time.Duration, error) {
	return 0, errors.New("the CPU time of another Map-Server can be told on Linux only")
}
