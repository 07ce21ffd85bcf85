//go:build !linux

package etcdtest

import "os/exec"

// startedThenEnded starts a process, says how that went, and waits for its end.
func startedThenEnded(cmd *exec.Cmd, started chan<- error) {
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait() // killed, as a rule
	}
}
