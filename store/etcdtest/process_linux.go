package etcdtest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startedThenEnded starts a process, says how that went, and waits for its end.
// The process dies with ours however ours ends, which Linux ties to the thread
// that started it: so that thread waits for it.
func startedThenEnded(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait() // killed, as a rule
	}
}
