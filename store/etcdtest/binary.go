package etcdtest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// tool is etcd in this module's go.mod.
const tool = "go.etcd.io/etcd/server/v3"

// builtOnce asks Go for the etcd of go.mod, which it builds unless it has it.
var builtOnce = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", tool).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go tool -n %s: %w\n%s", tool, err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n") // downloads are told before
	return lines[len(lines)-1], nil
})

// binary is the path of an etcd. Without one the test is skipped.
func binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("CORECAST_ETCD"); path != "" {
		return path
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no etcd: Go is not on PATH to build it, and CORECAST_ETCD names none")
	}
	path, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
