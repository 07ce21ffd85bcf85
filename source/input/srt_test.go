package input_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/input"
	"github.com/corecast/corecast/source/sourcetest"
	srt "github.com/datarhei/gosrt"
)

const passphrase = "correct horse battery"

// call connects like an encoder does.
func call(t *testing.T, port, streamID, secret string) (srt.Conn, error) {
	t.Helper()
	cfg := srt.DefaultConfig()
	cfg.StreamId, cfg.Passphrase, cfg.ConnectionTimeout = streamID, secret, 10*time.Second
	return srt.Dial("srt", "127.0.0.1:"+port, cfg)
}

// readUntil reads until the wanted media has come.
func readUntil(t *testing.T, in io.Reader, want string) {
	t.Helper()
	var got bytes.Buffer
	buf := make([]byte, 2000)
	for got.Len() < len(want) {
		n, err := in.Read(buf)
		if err != nil {
			t.Errorf("%v after %q, want %q", err, got.String(), want)
			return
		}
		got.Write(buf[:n])
	}
	if got.String() != want {
		t.Errorf("%q, want %q", got.String(), want)
	}
}

// A listener takes the publisher with the right stream id and passphrase, one
// at a time, and the next one when that has gone.
func TestSRTListener(t *testing.T) {
	port := freePort(t, "udp4")
	var said sourcetest.Messages
	in := open(t, "srt://127.0.0.1:"+port+"?mode=listener&streamid=news&passphrase="+strings.ReplaceAll(passphrase, " ", "+"),
		input.Options{Silence: 20 * time.Second, Reconnect: true, OnEvent: said.Add})
	if !in.Live() || strings.Contains(in.Name(), "horse") {
		t.Errorf("live %v, name %s", in.Live(), in.Name())
	}
	for name, c := range map[string][2]string{
		"another stream id": {"sports", passphrase},
		"no passphrase":     {"news", ""},
		"a wrong one":       {"news", "wrong horse battery"},
	} {
		if conn, err := call(t, port, c[0], c[1]); err == nil {
			_ = conn.Close()
			t.Errorf("%s: was let in", name)
		}
	}
	first, err := call(t, port, "news", passphrase)
	if err != nil {
		t.Fatal(err, said.String())
	}
	_, _ = first.Write([]byte("media"))
	readUntil(t, in, "media")
	if second, err := call(t, port, "news", passphrase); err == nil {
		_ = second.Close()
		t.Error("a second publisher was let in")
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = first.Close() })
	done := make(chan struct{})
	go func() { defer close(done); readUntil(t, in, "more") }()
	var next srt.Conn
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if next, err = call(t, port, "news", passphrase); err == nil {
			break // the reader has noticed
		}
	}
	if err != nil {
		t.Fatal("after the first publisher has gone: ", err, said.String())
	}
	defer func() { _ = next.Close() }()
	_, _ = next.Write([]byte("more"))
	<-done
	for _, says := range []string{"stream id", "does not encrypt", "passphrase is another", "somebody else", "is connected with"} {
		if !strings.Contains(said.String(), says) {
			t.Errorf("%q was not said in:\n%s", says, said.String())
		}
	}
}

// A caller calls until somebody answers, and again when that one has gone.
func TestSRTCaller(t *testing.T) {
	port := freePort(t, "udp4")
	var said sourcetest.Messages
	in := open(t, "srt://127.0.0.1:"+port+"?streamid=news", input.Options{Silence: time.Minute, Reconnect: true, OnEvent: said.Add})
	for range 2 {
		listener, err := srt.Listen("srt", "127.0.0.1:"+port, srt.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			request, err := listener.Accept2()
			if err != nil {
				return
			}
			if conn, err := request.Accept(); err == nil && conn.StreamId() == "news" {
				_, _ = conn.Write([]byte("media"))
			}
		}()
		readUntil(t, in, "media")
		listener.Close()
		time.Sleep(50 * time.Millisecond)
	}
	if s := said.String(); strings.Count(s, "is connected with") != 2 {
		t.Errorf("said %q", s)
	}
}

// Without Reconnect, nobody there and nobody coming are errors, soon.
func TestSRTNobody(t *testing.T) {
	caller := open(t, "srt://127.0.0.1:"+freePort(t, "udp4"), input.Options{Silence: 300 * time.Millisecond})
	if _, err := caller.Read(make([]byte, 1)); err == nil {
		t.Error("read from nobody")
	}
	listener := open(t, "srt://127.0.0.1:"+freePort(t, "udp4")+"?mode=listener", input.Options{Silence: 100 * time.Millisecond})
	if _, err := listener.Read(make([]byte, 1)); !errors.Is(err, input.ErrSilent) {
		t.Error(err)
	}
	// Close ends a Read that waits.
	for _, name := range []string{"?mode=listener", "?mode=caller"} {
		in := open(t, "srt://127.0.0.1:"+freePort(t, "udp4")+name, input.Options{Silence: time.Hour, Reconnect: true})
		time.AfterFunc(50*time.Millisecond, func() { _ = in.Close() })
		if _, err := in.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Garbage on the port of a listener disturbs nobody.
func TestSRTGarbage(t *testing.T) {
	port := freePort(t, "udp4")
	in := open(t, "srt://127.0.0.1:"+port+"?mode=listener", input.Options{Silence: 10 * time.Second})
	garbage, err := net.Dial("udp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = garbage.Close() }()
	junk := make([]byte, 1400)
	for i := range 2000 {
		for j := range junk {
			junk[j] = byte(i*31 + j*7)
		}
		junk[0] = byte(i)
		_, _ = garbage.Write(junk[:i%len(junk)])
		if i%50 == 0 {
			time.Sleep(time.Millisecond) // what overflows the socket's buffer tests nothing
		}
	}
	conn, err := call(t, port, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte("media"))
	readUntil(t, in, "media")
}
