package bmv2test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/corecast/corecast/internal/netns"
	"github.com/corecast/corecast/internal/tail"
	"github.com/corecast/corecast/p4/build"
)

const (
	startTimeout = 20 * time.Second // until a process serves P4Runtime
	stopTimeout  = 5 * time.Second  // from SIGTERM to SIGKILL
)

// process is a running simple_switch_grpc, or what takes its flags.
type process struct {
	name string
	path string // of the program
	cmd  *exec.Cmd
	dir  string // holds its socket
	log  tail.Tail

	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// startBMv2 starts a switch with the given interfaces in a namespace and waits
// until it serves P4Runtime. A Unix socket reaches into the namespace.
func startBMv2(ctx context.Context, ns *netns.Namespace, spec SwitchSpec, iface map[uint32]string) (*process, error) {
	dir, err := os.MkdirTemp("", "bmv2test-")
	if err != nil {
		return nil, err
	}
	return startProcess(ctx, ns, spec, iface, dir)
}

// startProcess starts a switch whose socket is in dir, which becomes its own. One
// that was there before is dead.
func startProcess(ctx context.Context, ns *netns.Namespace, spec SwitchSpec, iface map[uint32]string, dir string) (*process, error) {
	command := spec.command
	if len(command) == 0 {
		command = []string{BMv2Binary}
	}
	binary, err := exec.LookPath(command[0])
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("%s is not on PATH: %s", command[0], BMv2Hint)
	}
	p := &process{name: spec.Name, path: binary, dir: dir, done: make(chan struct{})}
	if err := os.Remove(p.socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	args := slices.Concat(command[1:], []string{"--no-p4", "--device-id", strconv.FormatUint(spec.DeviceID, 10)})
	for _, id := range spec.Ports {
		args = append(args, "-i", fmt.Sprintf("%d@%s", id, iface[id]))
	}
	args = append(args, "--", "--grpc-server-addr", p.address(), "--cpu-port", strconv.Itoa(build.CPUPort))
	p.cmd = exec.Command(binary, args...)
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	// It ends with us, however we end: the thread that starts it waits for it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}

	started := make(chan struct{})
	go func() {
		defer close(p.done)
		p.err = ns.Do(func() error {
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
		os.RemoveAll(dir)
		return nil, fmt.Errorf("start %s: %w", binary, p.err)
	}
	if err := p.waitServing(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *process) socket() string  { return filepath.Join(p.dir, "p4rt") }
func (p *process) address() string { return "unix:" + p.socket() }

func (p *process) waitServing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if conn, err := net.Dial("unix", p.socket()); err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return p.alive()
		case <-ctx.Done():
			return fmt.Errorf("%s of switch %s does not serve P4Runtime: %w\n%s", p.path, p.name, ctx.Err(), p.log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// alive returns how the process died and the last it said, or nil.
func (p *process) alive() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s of switch %s died (%v); its last output:\n%s", p.path, p.name, p.err, p.log.String())
	default:
		return nil
	}
}

// kill ends the process at once, and leaves what it had.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

// stop ends the process, this one and no other, and returns an error if it had
// died before.
func (p *process) stop() error {
	defer os.RemoveAll(p.dir)
	if err := p.alive(); err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		<-p.done
	}
	return nil
}
