//go:build !linux

package source

import "time"

// nap: timers do it all.
const nap = 0

func sleepUntil(time.Time) {}
