package doctor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/corecast/corecast/bmv2test"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/p4/build"
)

// checkBMv2 looks for bmv2, and at the flags of those that run.
func checkBMv2(o Options) func(context.Context, reporter) {
	return func(ctx context.Context, report reporter) {
		wanted := o.BMv2 || o.Config != nil && slices.ContainsFunc(o.Config.Switches, func(s config.Switch) bool { return s.Target == config.BMv2 })
		path, err := exec.LookPath(bmv2test.BMv2Binary)
		switch {
		case err != nil && wanted:
			report(Bad, bmv2test.BMv2Binary+" is not on PATH", bmv2test.BMv2Hint)
		case err != nil:
			report(Good, bmv2test.BMv2Binary+" is not on PATH, and nothing asks for it", "")
		default:
			report(Good, path, "")
		}
		for pid, args := range running(bmv2test.BMv2Binary) {
			checkFlags(pid, args, report)
		}
	}
}

// running are the command lines of a program's processes, by pid.
func running(program string) map[int][]string {
	found := map[int][]string{}
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline") // only a bad pattern fails
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
		if filepath.Base(args[0]) != program {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			found[pid] = args
		}
	}
	return found
}

// checkFlags looks for the flags without which nothing works and nothing says so.
func checkFlags(pid int, args []string, report reporter) {
	who := fmt.Sprintf("%s with pid %d", bmv2test.BMv2Binary, pid)
	good := true
	wrong := func(what, fix string) {
		good = false
		report(Bad, who+" "+what, fix)
	}
	if got, want := flagOf(args, "--cpu-port"), strconv.Itoa(build.CPUPort); got != want {
		wrong(fmt.Sprintf("has --cpu-port %q: nothing is punted to the controller", got), "start it with -- --cpu-port "+want+", after the --")
	}
	if id := flagOf(args, "--device-id"); id == "" || id == "0" {
		wrong("has no --device-id: P4Runtime ids start at 1", "start it with --device-id N, as device_id says")
	}
	if drop := flagOf(args, "--drop-port"); drop != "" && drop != strconv.Itoa(build.DropPort) {
		wrong(fmt.Sprintf("has --drop-port %s", drop), fmt.Sprintf("leave that out: the program drops to port %d", build.DropPort))
	}
	if good {
		report(Good, who+" has the flags it needs", "")
	}
}

// flagOf is the value of a flag, given as two arguments or with =.
func flagOf(args []string, name string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, name+"="); ok {
			return v
		}
		if a == name && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}
