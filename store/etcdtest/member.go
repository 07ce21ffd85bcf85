package etcdtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// member is one etcd, running or not.
type member struct {
	name string
	dir  string // its working directory: data, sockets and log
	path string // of etcd
	args []string

	peers *proxy // through which the others reach it

	cmd  *exec.Cmd     // nil unless it runs
	done chan struct{} // closed when the process has ended
}

// start runs the member on the data that it has.
func (m *member) start() error {
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(m.path, m.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.dir, log, log
	cmd.Env = withoutEtcd(os.Environ())
	done := make(chan struct{})
	started := make(chan error, 1)
	go func() {
		defer close(done)
		defer log.Close()
		startedThenEnded(cmd, started)
	}()
	if err := <-started; err != nil {
		<-done
		return fmt.Errorf("%s: %w", m.name, err)
	}
	m.cmd, m.done = cmd, done
	return nil
}

// withoutEtcd leaves out what would configure an etcd behind the test's back.
func withoutEtcd(environ []string) []string {
	var kept []string
	for _, v := range environ {
		if len(v) < 5 || v[:5] != "ETCD_" {
			kept = append(kept, v)
		}
	}
	return kept
}

// kill ends the process at once; it has no say in it.
func (m *member) kill() error {
	if m.cmd == nil {
		return nil
	}
	err := m.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-m.done
	m.cmd = nil
	return err
}

func (m *member) signal(s syscall.Signal) error {
	if m.cmd == nil {
		return fmt.Errorf("%s does not run", m.name)
	}
	return m.cmd.Process.Signal(s)
}

// tellLog shows the end of what the member logged.
func (m *member) tellLog(t testing.TB) {
	const most = 4000
	log, err := os.ReadFile(filepath.Join(m.dir, "log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Log(err)
	}
	t.Logf("%s logged, at last:\n%s", m.name, log[max(0, len(log)-most):])
}
