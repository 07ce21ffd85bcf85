package controller

import "time"

// looks holds the reading back of all switches to what the controller's machine
// can bear.
type looks struct {
	// memory bounds how many are compared at the same time: what a switch holds
	// is in memory once more then, and what it is sent too.
	memory chan struct{}
	// repeated bounds the looks that only find drift. Each keeps its place for
	// restShare times what it took, so that together they use no more than
	// repeatedLooks/(1+restShare) processors, however many switches there are.
	repeated chan struct{}
}

const (
	repeatedLooks = 4
	restShare     = 9
	// maxRest keeps one slow switch from holding up the others for long.
	maxRest = 2 * time.Second
)

func newLooks(n int) *looks {
	return &looks{memory: make(chan struct{}, n), repeated: make(chan struct{}, repeatedLooks)}
}

// again asks for the right to one more look at a switch that was right before;
// rest gives it back.
func (l *looks) again() bool {
	select {
	case l.repeated <- struct{}{}:
		return true
	default:
		return false
	}
}

// rest gives back the right to a look that took so long, after a while.
func (l *looks) rest(took time.Duration) {
	if took < time.Millisecond { // not worth a timer
		<-l.repeated
		return
	}
	time.AfterFunc(min(restShare*took, maxRest), func() { <-l.repeated })
}
