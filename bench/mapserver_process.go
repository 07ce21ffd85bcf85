package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"time"
)

// process is a server in a process of its own, so that its CPU time and its
// memory are known, and its garbage collector is not the client's.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
	address netip.AddrPort
}

// startProcess runs the command, which must end up in ServeMapServer.
func startProcess(cmd *exec.Cmd, config childConfig) (*process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server process: %w", err)
	}
	p := &process{cmd: cmd, in: in, out: json.NewDecoder(bufio.NewReader(out))}
	var started childStarted
	err = json.NewEncoder(in).Encode(config)
	if err == nil {
		err = p.out.Decode(&started)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the server process: %w", err), p.stop())
	}
	p.address = started.Address
	return p, nil
}

// usedCPU is the CPU time that the process has used.
func (p *process) usedCPU() (time.Duration, error) {
	s, err := p.ask("cpu")
	return s.CPU, err
}

// heap is the memory that the process has in use after a garbage collection.
func (p *process) heap() (uint64, error) {
	s, err := p.ask(lineGC)
	return s.Heap, err
}

func (p *process) ask(line string) (s childStats, err error) {
	if _, err = fmt.Fprintln(p.in, line); err == nil {
		err = p.out.Decode(&s)
	}
	if err != nil {
		err = fmt.Errorf("ask the server process: %w", err)
	}
	return s, err
}

// stopTimeout is how long a server process may take to end.
const stopTimeout = 30 * time.Second

func (p *process) stop() error {
	p.in.Close()
	kill := time.AfterFunc(stopTimeout, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the server process: %w", err)
	}
	return nil
}
