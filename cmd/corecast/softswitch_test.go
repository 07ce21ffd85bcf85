package main

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/softswitch"
)

// softswitchCommand runs a softswitch without ports until the script ends:
//
//	softswitch NAME DEVICE-ID
//
// sets $NAME, in capitals, to the address of its P4Runtime server.
func softswitchCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: softswitch NAME DEVICE-ID")
	}
	id, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	sw, err := softswitch.New(softswitch.Config{DeviceID: id, CPUPort: build.CPUPort, Logger: slog.New(slog.DiscardHandler)})
	ts.Check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sw.Serve(ctx, l) }()
	ts.Setenv(strings.ToUpper(args[0]), l.Addr().String())
	ts.Defer(func() {
		cancel()
		ts.Check(<-done)
	})
}
