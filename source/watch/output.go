package watch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
)

// ErrOutput: not a place for media.
var ErrOutput = errors.New("not an output")

// OpenOutput opens where media goes by name: a file, "-" for standard output,
// or udp://host:port to send it on, a datagram for each.
func OpenOutput(name string) (io.WriteCloser, error) {
	address, isUDP := strings.CutPrefix(name, "udp://")
	switch {
	case isUDP:
		conn, err := net.Dial("udp", strings.TrimPrefix(address, "@"))
		if err != nil {
			return nil, fmt.Errorf("%w: %s: want udp://host:port: %w", ErrOutput, name, err)
		}
		return forward{conn}, nil
	case name == "-":
		return stdout{}, nil
	case name == "" || strings.Contains(name, "://"):
		return nil, fmt.Errorf("%w: %q; want a file, - for standard output, or udp://host:port", ErrOutput, name)
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("cannot write media: %w", err)
	}
	return f, nil
}

// forward sends datagrams on. That nobody is there yet is no error.
type forward struct{ net.Conn }

func (f forward) Write(b []byte) (int, error) {
	_, _ = f.Conn.Write(b)
	return len(b), nil
}

// stdout is standard output, which is not ours to close.
type stdout struct{}

func (stdout) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (stdout) Close() error                { return nil }

// Player is a program that plays what it is given on its standard input.
type Player struct {
	io.WriteCloser
	cmd *exec.Cmd
}

// StartPlayer starts a player. Command is its name and arguments; players that
// are known are told to read standard input.
func StartPlayer(command string) (*Player, error) {
	words := strings.Fields(command)
	if len(words) == 0 {
		return nil, fmt.Errorf("%w: an empty command; want a player, such as mpv or \"ffplay -\"", ErrOutput)
	}
	if len(words) == 1 {
		words = append(words, "-") // mpv, vlc, ffplay and mplayer all know it
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start the player: %w", err)
	}
	return &Player{in, cmd}, nil
}

// Close ends the player's input and waits until it has played that.
func (p *Player) Close() error {
	_ = p.WriteCloser.Close()
	return p.cmd.Wait()
}
