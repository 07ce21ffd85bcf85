//go:build !linux

package afpacket

import (
	"fmt"
	"runtime"

	"github.com/corecast/corecast/softswitch/port"
)

// A Port cannot exist on this system.
type Port struct{ port.Port }

// Open always fails: AF_PACKET is Linux's.
func Open(name string, _ Options) (*Port, error) {
	return nil, fmt.Errorf("open interface %q: network interfaces as ports need Linux, this is %s: use in-memory links", name, runtime.GOOS)
}
