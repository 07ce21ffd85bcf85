package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	stopTimeout = 5 * time.Second // from SIGTERM to SIGKILL
	logBytes    = 64 << 10        // kept of a program's output
)

// process is a program that runs in a namespace and sees a directory of the
// test as its /tmp: OOR listens at a fixed path there, one per machine.
type process struct {
	name string
	cmd  *exec.Cmd
	log  tail

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
	started := make(chan error)
	go func() {
		defer close(p.done)
		p.err = n.inside(func() error {
			err := bindTmp(tmp)
			if err == nil {
				err = p.cmd.Start()
			}
			started <- err
			if err != nil {
				return err
			}
			return p.cmd.Wait()
		})
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	n.owner.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if n.owner.Failed() {
			n.owner.Logf("the last output of %s:\n%s", p.name, p.log.lastLines(40))
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
		return fmt.Sprintf("%s ended (%v); its last output:\n%s", p.name, p.err, p.log.lastLines(20))
	default:
		return ""
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex // guards data
	data []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, b...)
	if extra := len(t.data) - logBytes; extra > 0 {
		t.data = slices.Delete(t.data, 0, extra)
	}
	return len(b), nil
}

func (t *tail) lastLines(n int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.data)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
