package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
)

// background is a `corecast controller` that runs beside a test.
type background struct {
	cmd   *exec.Cmd
	log   string     // file of what it says
	ended chan error // holds how it ended
	rest  string     // URL of its REST API
	lisp  string     // first address of its Map-Server

	documented *strings.Replacer // makes its xTRs' addresses those of the documents
}

// startLimit is far more than a controller needs to start or to end.
const startLimit = 30 * time.Second

// startController runs a controller in a directory, and waits until it serves.
func startController(dir, config string, flags ...string) (*background, error) {
	b := &background{log: filepath.Join(dir, "controller.log"), ended: make(chan error, 1)}
	log, err := os.Create(b.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	b.cmd = exec.Command("corecast", append([]string{"controller", "--config", config}, flags...)...)
	b.cmd.Dir, b.cmd.Stderr = dir, log
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { b.ended <- b.cmd.Wait() }()
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		said, err := os.ReadFile(b.log)
		if err != nil {
			return nil, errors.Join(err, b.end(os.Kill))
		}
		b.lisp, b.rest = b.address(said, "Map-Server on ", ","), b.address(said, "REST API on ", ": see")
		if b.rest != "" {
			return b, nil
		}
		select {
		case err := <-b.ended:
			return nil, fmt.Errorf("the controller ended: %v\n%s", err, said)
		default:
		}
	}
	return nil, errors.Join(fmt.Errorf("the controller did not start in %v", startLimit), b.end(os.Kill))
}

// address is what a controller said between two texts.
func (b *background) address(said []byte, before, after string) string {
	_, rest, _ := strings.Cut(string(said), before)
	address, _, found := strings.Cut(rest, after)
	if !found {
		return ""
	}
	return address
}

// end ends the controller with a signal, and returns how it ended.
func (b *background) end(signal os.Signal) error {
	if err := b.cmd.Process.Signal(signal); err != nil {
		return err
	}
	select {
	case err := <-b.ended:
		return err
	case <-time.After(startLimit):
		return errors.Join(fmt.Errorf("the controller did not end in %v", startLimit), b.cmd.Process.Kill())
	}
}

// backgroundKey is where a script keeps its controller.
type backgroundKey struct{}

// controllerCommand runs a controller until the script ends or stops it:
//
//	controller CONFIG
//
// sets $REST to the URL of its REST API and $LISP to the first address of its
// Map-Server. What it says is in the file controller.log.
func controllerCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: controller CONFIG [FLAG...]")
	}
	b, err := startController(ts.MkAbs("."), args[0], args[1:]...)
	if err != nil {
		ts.Fatalf("%v", err)
	}
	slot := ts.Value(backgroundKey{}).(*[]*background)
	*slot = append(*slot, b)
	ts.Setenv("REST", b.rest)
	ts.Setenv("LISP", b.lisp)
	ts.Defer(func() { _ = b.end(os.Kill) }) // unless the script has ended it
}

// endCommand ends the controller that was started last: end, or end -9. (The name stop
// is taken: by a command that ends the script, as if all were well.)
func endCommand(ts *testscript.TestScript, neg bool, args []string) {
	slot := ts.Value(backgroundKey{}).(*[]*background)
	if neg || len(args) > 1 || len(*slot) == 0 || len(args) == 1 && args[0] != "-9" {
		ts.Fatalf("usage: end [-9], after controller")
	}
	b := (*slot)[len(*slot)-1]
	if len(args) == 1 {
		_ = b.end(os.Kill) // how it ends is its signal
		return
	}
	if err := b.end(syscall.SIGTERM); err != nil {
		ts.Fatalf("the controller ended with %v\n%s", err, ts.ReadFile("controller.log"))
	}
}

// reloadCommand has the controller that was started last read its configuration
// again.
func reloadCommand(ts *testscript.TestScript, neg bool, args []string) {
	slot := ts.Value(backgroundKey{}).(*[]*background)
	if neg || len(args) > 0 || len(*slot) == 0 {
		ts.Fatalf("usage: reload, after controller")
	}
	ts.Check((*slot)[len(*slot)-1].cmd.Process.Signal(syscall.SIGHUP))
}

// registerCommand registers an EID-prefix with the controller's Map-Server, as
// an xTR at an address of loopback:
//
//	[!] register XTR KEYID SECRET EID-PREFIX RLOC
//
// $XTR1 and $XTR2 are addresses for XTR. ! is that it must not be accepted.
func registerCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 5 {
		ts.Fatalf("usage: [!] register XTR KEYID SECRET EID-PREFIX RLOC")
	}
	var id uint8
	if _, err := fmt.Sscan(args[1], &id); err != nil {
		ts.Fatalf("key id %s: %v", args[1], err)
	}
	err := registerAs(args[0], ts.Getenv("LISP"), id, args[2], args[3], args[4])
	if (err != nil) != neg {
		ts.Fatalf("register: %v", err)
	}
}

// xtrAddresses counts those that newXTRAddress has returned.
var xtrAddresses atomic.Uint32

// newXTRAddress returns an address of loopback whose port 4342, to which
// Map-Notifies come, nobody else uses: no other test, and no other run of them.
func newXTRAddress() string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 1+pid>>8%250, pid&255, xtrAddresses.Add(1))
}

// registerAs registers an EID-prefix, and waits for the Map-Notify. Key id 0 is
// of algorithm 1, others of algorithm 2.
func registerAs(xtr, mapServer string, keyID uint8, secret, prefix, rloc string) error {
	eid, err := lisp.ParseEID(prefix)
	if err != nil {
		return err
	}
	algorithm := lisp.AlgorithmSHA256
	if keyID == 0 {
		algorithm = lisp.AlgorithmSHA1
	}
	x, err := client.NewXTR(client.XTRConfig{
		RLOC:      netip.AddrPortFrom(netip.MustParseAddr(xtr), lisp.ControlPort),
		MapServer: netip.MustParseAddrPort(mapServer), KeyID: keyID, Algorithm: algorithm, Secret: []byte(secret),
		Retry: client.Retry{Attempts: 2, Timeout: 500 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	err = x.Register(ctx, client.Mapping(eid, netip.MustParseAddr(rloc)))
	cancel()
	<-done
	return err
}
