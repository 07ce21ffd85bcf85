package bench

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// processTime is the CPU time that this process has used.
func processTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err) // cannot happen: the clock and the pointer are valid
	}
	return time.Duration(t.Nano())
}

// cpuOf is the CPU time that another process has used.
func cpuOf(pid int) (time.Duration, error) {
	const schedClock = 2 // of the clocks that each process has, the exact one
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &t); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w: is it running?", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
