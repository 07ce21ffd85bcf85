package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSwitchUsage(t *testing.T) {
	tests := []struct {
		args string
		want string
	}{
		{"", "no program"},
		{"--no-p4", "--device-id 0"},
		{"--no-p4 --device-id x", "x"},
		{"--no-p4 --device-id 1 p.json", "--no-p4 and program"},
		{"--device-id 1 a.json b.json", "b.json"},
		{"--no-p4 --device-id 1 -i veth0", "-i veth0"},
		{"--no-p4 --device-id 1 -i x@veth0", "-i x@veth0"},
		{"--no-p4 --device-id 1 -i 1@", "-i 1@"},
		{"--no-p4 --device-id 1 --log-level loud", "loud"},
		{"--no-p4 --device-id 1 --cpu-port 600", "600"},
		{"--no-p4 --device-id 1 -- --cpu-port 511", "511"},
		{"--no-p4 --device-id 1 -- --cpu-prt 510", "--cpu-prt"},
		{"--no-p4 --device-id 1 -- stray", "stray"},
		{"--no-p4 --device-id 1 -- --grpc-server-addr 9559", "127.0.0.1:9559"},
		{"--no-p4 --device-id 1 -- --grpc-server-cert c.pem", "--grpc-server-ssl"},
		{"--no-p4 --device-id 1 -- --grpc-server-ssl", "--grpc-server-key"},
	}
	for _, tt := range tests {
		err := runSwitch(t, t.Context(), &bytes.Buffer{}, strings.Fields(tt.args)...)
		if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("corecast switch %s: %v (exit status %d), want status 2 and %q", tt.args, err, exitCode(err), tt.want)
		}
	}
}

func TestSwitchFailures(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string]string{
		"/no/such.json": "--device-id 1 /no/such.json",
		bad:             "--device-id 1 " + bad,
		"nosuch0":       "--no-p4 --device-id 1 -i 1@nosuch0",
		"1.2.3.4:x":     "--no-p4 --device-id 1 -- --grpc-server-addr 1.2.3.4:x",
		"/no/cert.pem":  "--no-p4 --device-id 1 -- --grpc-server-ssl --grpc-server-cert /no/cert.pem --grpc-server-key /no/key.pem",
	} {
		err := runSwitch(t, t.Context(), &bytes.Buffer{}, strings.Fields(args)...)
		if err == nil || exitCode(err) != exitFailed || !strings.Contains(err.Error(), want) {
			t.Errorf("corecast switch %s: %v, want status 1 and %q", args, err, want)
		}
	}
}

func TestSwitchSaysWhenItIsReadyAndEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stderr := &endsAt{what: "\n", end: cancel} // a line has been said
	if err := runSwitch(t, ctx, stderr, "--no-p4", "--device-id", "3", "--", "--grpc-server-addr", "127.0.0.1:0", "--cpu-port", "510"); err != nil {
		t.Fatal(err)
	}
	if line, _, _ := strings.Cut(stderr.String(), "\n"); !strings.HasPrefix(line, "corecast switch: device 3 ready: P4Runtime on 127.0.0.1:") {
		t.Fatalf("stderr %q", stderr.String())
	}
}

// endsAt is what is written to it, and calls end once that contains what.
type endsAt struct {
	strings.Builder
	what string
	end  func()
}

func (e *endsAt) Write(b []byte) (int, error) {
	n, err := e.Builder.Write(b)
	if strings.Contains(e.String(), e.what) {
		e.end()
	}
	return n, err
}

func runSwitch(t *testing.T, ctx context.Context, stderr io.Writer, args ...string) error {
	t.Helper()
	root := newRootCommand()
	root.SetErr(stderr)
	root.SetArgs(append([]string{"switch"}, args...))
	return root.ExecuteContext(ctx)
}
