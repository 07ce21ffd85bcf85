package input_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/input"
	"go.uber.org/goleak"
)

// The library's Dial may leave a goroutine behind when it is turned away.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/datarhei/gosrt.Dial.func1"))
}

func open(t *testing.T, name string, opts input.Options) input.Input {
	t.Helper()
	in, err := input.Open(name, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	return in
}

func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "media.ts")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFile(t *testing.T) {
	name := write(t, "media")
	in := open(t, name, input.Options{})
	got, err := io.ReadAll(in)
	if string(got) != "media" || err != nil || in.Live() || in.Name() != name {
		t.Errorf("%q, %v, live %v, name %s", got, err, in.Live(), in.Name())
	}
}

func TestLoop(t *testing.T) {
	for _, in := range []input.Input{
		open(t, write(t, "media"), input.Options{Loop: true}),
		input.FromReadSeeker("memory", strings.NewReader("media"), input.Options{Loop: true}),
	} {
		got := make([]byte, 12)
		if _, err := io.ReadFull(in, got); err != nil || string(got) != "mediamediame" {
			t.Errorf("%s: %q, %v", in.Name(), got, err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	// Nothing, again and again, is still nothing.
	if n, err := open(t, write(t, ""), input.Options{Loop: true}).Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("empty file: %d, %v", n, err)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		opts input.Options
		want error
	}{
		{"", input.Options{}, input.ErrName},
		{filepath.Join(t.TempDir(), "none.ts"), input.Options{}, fs.ErrNotExist},
		{t.TempDir(), input.Options{}, input.ErrName},
		{"http://host:1", input.Options{}, input.ErrName},
		{"srt://", input.Options{}, input.ErrName},
		{"srt://host:0", input.Options{}, input.ErrName},
		{"srt://:7000?mode=caller", input.Options{}, input.ErrName},
		{"srt://host:7000?mode=rendezvous", input.Options{}, input.ErrName},
		{"srt://host:7000?passphrase=short", input.Options{}, input.ErrName},
		{"srt://host:7000?pbkeylen=17", input.Options{}, input.ErrName},
		{"srt://host:7000?latency=-1", input.Options{}, input.ErrName},
		{"srt://host:7000?smoother=live", input.Options{}, input.ErrName},
		{"srt://:7000", input.Options{Loop: true}, input.ErrName},
		{"rtp://127.0.0.1", input.Options{}, input.ErrName},
		{"udp://127.0.0.1:5000?iface=lo", input.Options{}, input.ErrName},
		{"udp://239.1.1.1:5000?iface=none", input.Options{}, input.ErrName},
		{"udp://239.1.1.1:5000?sources=::1", input.Options{}, input.ErrName},
		{"udp://127.0.0.1", input.Options{}, input.ErrName},
		{"udp://127.0.0.1:0", input.Options{}, input.ErrName},
		{"udp://127.0.0.1:99999", input.Options{}, input.ErrName},
		{"udp://127.0.0.1:5000/path", input.Options{}, input.ErrName},
		{"udp://127.0.0.1:5000?ttl=3", input.Options{}, input.ErrName},
		{"udp://127.0.0.1:5000", input.Options{Loop: true}, input.ErrName},
		{"/dev/null", input.Options{Loop: true}, input.ErrName},
	} {
		in, err := input.Open(c.name, c.opts)
		if !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.name, err, c.want)
		}
		if in != nil {
			_ = in.Close()
		}
	}
}

// freePort returns a UDP port that was free a moment ago.
func freePort(t *testing.T, network string) string {
	t.Helper()
	c, err := net.ListenPacket(network, "")
	if err != nil {
		t.Skipf("no %s on this machine: %v", network, err)
	}
	defer func() { _ = c.Close() }()
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	return port
}

func TestUDP(t *testing.T) {
	for _, c := range []struct{ network, listen, send string }{
		{"udp4", "udp://127.0.0.1:", "127.0.0.1:"},
		{"udp4", "udp://@:", "127.0.0.1:"},
		{"udp6", "udp://[::1]:", "[::1]:"},
		{"udp6", "udp://[::]:", "[::1]:"},
	} {
		t.Run(c.listen, func(t *testing.T) {
			port := freePort(t, c.network)
			in := open(t, c.listen+port+"?pkt_size=1316", input.Options{Silence: 200 * time.Millisecond})
			conn, err := net.Dial("udp", c.send+port)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			for _, d := range []string{"first", "", "second"} {
				if _, err := conn.Write([]byte(d)); err != nil {
					t.Fatal(err)
				}
			}
			// Datagrams come in pieces as small as the reader wants.
			var got bytes.Buffer
			_, err = io.CopyBuffer(&got, struct{ io.Reader }{in}, make([]byte, 3))
			if !errors.Is(err, input.ErrSilent) || got.String() != "firstsecond" || !in.Live() {
				t.Errorf("%q, %v", got.String(), err)
			}
		})
	}
}

// Close ends a Read that waits.
func TestClose(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	pipe, err := input.FromPipe(r)
	if err != nil {
		t.Fatal(err)
	}
	if pipe.Live() {
		t.Error("a pipe is live: what it carries would be sent as fast as its writer can")
	}
	for _, in := range []input.Input{
		open(t, "udp://127.0.0.1:"+freePort(t, "udp4"), input.Options{Silence: time.Hour}),
		pipe,
	} {
		done := make(chan error)
		go func() {
			_, err := in.Read(make([]byte, 1))
			done <- err
		}()
		time.AfterFunc(10*time.Millisecond, func() { _ = in.Close() })
		if err := <-done; !errors.Is(err, os.ErrClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", in.Name(), err)
		}
	}
}
