package source

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap is how long a wait is left to the kernel: it cannot be interrupted.
const nap = 1500 * time.Microsecond

// sleepUntil blocks the thread; signals of the runtime interrupt it.
func sleepUntil(t time.Time) {
	for {
		d := time.Until(t)
		if d <= 0 {
			return
		}
		ts := unix.NsecToTimespec(int64(d))
		_ = unix.Nanosleep(&ts, nil)
	}
}
