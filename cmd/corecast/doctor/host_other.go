//go:build !linux

package doctor

import "context"

func hostChecks() []check {
	return []check{{"system", func(_ context.Context, report reporter) {
		report(Note, "this is not Linux: demo, controller and source work; a switch on interfaces does not", "run switches on Linux")
	}}}
}

func checkInterface(name string, _ bool, report reporter) {
	report(Bad, "interfaces can be used on Linux only", "run the switch on Linux")
}
