package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/corecast/corecast/northbound/auth/authtest"
	"github.com/corecast/corecast/store/etcdtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"corecast":  func() { os.Exit(run(os.Args[1:])) },
		"rest":      restMain,
		"udprecord": udpRecordMain,
	})
}

// testingKey is the test that a script is part of.
type testingKey struct{}

// scriptBuiltins are the commands that every script has.
var scriptBuiltins = []string{"cd", "chmod", "cmp", "cmpenv", "cp", "env", "exec", "exists", "grep", "kill", "mkdir", "mv", "rm", "skip",
	"stderr", "stdin", "stdout", "stop", "symlink", "ttyin", "ttyout", "unix2dos", "unquote", "wait"}

// TestScripts runs what a user types: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"exits":    exits,
		"cmpmedia": cmpMedia,

		"certificates": certificates,
		"softswitch":   softswitchCommand,
		"controller":   controllerCommand,
		"etcd":         etcdCommand,
		"end":          endCommand,
		"reload":       reloadCommand,
		"register":     registerCommand,
		"eventually":   eventually,
		"examples":     examplesCommand,
	}
	for _, builtin := range scriptBuiltins {
		if commands[builtin] != nil {
			t.Fatalf("%s is a command of scripts themselves, which comes first: ours would never run", builtin)
		}
	}
	testscript.Run(t, testscript.Params{
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repo)
			env.Setenv("XTR1", newXTRAddress())
			env.Setenv("XTR2", newXTRAddress())
			env.Values[backgroundKey{}] = &[]*background{}
			env.Values[testingKey{}] = t
			return nil
		},
		Dir: "testdata/script",
		Condition: func(name string) (bool, error) {
			switch name {
			case "ipv6":
				return hasIPv6(), nil
			case "netns":
				return hasNetns(), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: commands,
	})
}

// etcdCommand runs an etcd of one member until all scripts have ended, and sets
// $ETCD to etcd://HOST:PORT.
func etcdCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: etcd")
	}
	cluster := etcdtest.Start(ts.Value(testingKey{}).(testing.TB), etcdtest.Options{})
	ts.Setenv("ETCD", "etcd://"+cluster.Endpoints()[0])
}

// hasNetns reports whether a script can build a network of namespaces.
func hasNetns() bool {
	if _, err := exec.LookPath("ip"); err != nil {
		return false
	}
	return exec.Command("unshare", "--net", "--mount", "true").Run() == nil
}

// hasIPv6 reports whether this host has an IPv6 loopback.
func hasIPv6() bool {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// exits STATUS COMMAND ARG... runs a command that must end with that status.
// It leaves stdout and stderr in files of those names.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var stdout, stderr strings.Builder
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME")}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("stdout"), []byte(stdout.String()), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("stderr"), []byte(stderr.String()), 0o644))
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit status %d, want %d\n%s%s", got, want, stdout.String(), stderr.String())
	}
}

// eventually REGEXP COMMAND ARG... runs a command until it prints, on stdout, a
// line that matches.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually REGEXP COMMAND ARG...")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var out []byte
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Dir = ts.MkAbs(".")
		out, _ = cmd.Output() // its status may be that of what is not there yet
		if want.Match(out) {
			return
		}
	}
	ts.Fatalf("%q never matched:\n%s", args[0], out)
}

// certificates NAME=OU... makes ca.pem, server.pem and server-key.pem for
// 127.0.0.1, and NAME.pem and NAME-key.pem for each client.
func certificates(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: certificates NAME=OU...")
	}
	t := ts.Value(testingKey{}).(testing.TB)
	ca := authtest.NewCA(t)
	files := ca.ServerTLS(t)
	made := map[string]string{"ca.pem": ca.File, "server.pem": files.Cert, "server-key.pem": files.Key}
	for _, arg := range args {
		name, ou, _ := strings.Cut(arg, "=")
		made[name+".pem"], made[name+"-key.pem"] = ca.Client(t, name, ou)
	}
	for name, file := range made {
		text, err := os.ReadFile(file)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), text, 0o600))
	}
}

// cmpmedia FILE FILE... fails unless all files hold the same bytes, and some.
func cmpMedia(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: cmpmedia FILE FILE...")
	}
	first := ts.ReadFile(args[0])
	for _, name := range args[1:] {
		if got := ts.ReadFile(name); got != first || got == "" {
			ts.Fatalf("%s (%d bytes) and %s (%d bytes) differ or are empty", name, len(got), args[0], len(first))
		}
	}
}
