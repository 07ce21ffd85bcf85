package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/corecast/corecast/internal/tail"
	"golang.org/x/sys/unix"
)

const stopTimeout = 5 * time.Second // from SIGTERM to SIGKILL

// process is a program that runs in a namespace and sees a directory of the
// test as its /tmp: OOR listens at a fixed path there, one per machine.
type process struct {
	name string
	cmd  *exec.Cmd
	log  tail.Tail

	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// start starts argv in the namespace and ends it with the namespace's test.
func (n *namespace) start(t *testing.T, tmp string, argv ...string) *process {
	t.Helper()
	p := &process{name: filepath.Base(argv[0]) + " of " + n.name, done: make(chan struct{})}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir = "/tmp"
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	// It ends with us, however we end: the thread that starts it waits for it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan struct{})
	go func() {
		defer close(p.done)
		p.err = n.Do(func() error {
			if err := bindTmp(tmp); err != nil {
				return err
			}
			if err := p.cmd.Start(); err != nil {
				return err
			}
			close(started)
			return p.cmd.Wait()
		})
	}()
	select {
	case <-started:
	case <-p.done:
	}
	if p.cmd.Process == nil {
		t.Fatalf("start %s: %v", p.name, p.err)
	}
	n.owner.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if n.owner.Failed() {
			n.owner.Logf("the last output of %s:\n%s", p.name, p.log.LastLines(40))
		}
	})
	return p
}

// bindTmp makes dir the /tmp of the calling thread and its children.
func bindTmp(dir string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount(dir, "/tmp", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("show %s as /tmp: %w", dir, err)
	}
	return nil
}

// end ends the process, this one and no other, and waits for it. One that does
// not obey the signal is killed.
func (p *process) end(signal os.Signal) {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.cmd.Process.Kill()
	}
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// ended returns how the process ended, or "" while it runs.
func (p *process) ended() string {
	select {
	case <-p.done:
		return fmt.Sprintf("%s ended (%v); its last output:\n%s", p.name, p.err, p.log.LastLines(20))
	default:
		return ""
	}
}
