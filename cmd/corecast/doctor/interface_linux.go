package doctor

import (
	"fmt"
	"net"
	"strings"

	"github.com/corecast/corecast/bmv2test/ethtool"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// lispHeader is what follows the outer UDP header (RFC 9300 section 5).
const lispHeader = 8

// payloadFor is the longest payload that fits a transit link of an MTU, where
// outer and inner IP headers have that size; 0 if none does.
func payloadFor(mtu, ipSize int) int {
	return max(0, min(wire.MaxPayload, mtu-2*(ipSize+inet.UDPSize)-lispHeader-wire.HeaderSize))
}

// checkInterface looks at an interface that a switch is to use.
func checkInterface(name string, bmv2 bool, report reporter) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		report(Bad, err.Error(), "ip link shows what there is; make a veth pair: ip link add "+name+" type veth peer name …")
		return
	}
	if iface.Flags&net.FlagUp == 0 {
		report(Bad, "is down", "ip link set "+name+" up")
		return
	}
	report(Good, fmt.Sprintf("is up; as a transit link its MTU of %d fits payloads of up to %d bytes over IPv4, %d over IPv6",
		iface.MTU, payloadFor(iface.MTU, inet.IPv4Size), payloadFor(iface.MTU, inet.IPv6Size)), "")
	on, err := ethtool.On(name)
	switch {
	case err != nil:
		report(Note, fmt.Sprintf("its offloads cannot be read: %v", err), "ethtool -k "+name)
	case len(on) == 0:
		report(Good, "its offloads are off", "")
	case bmv2:
		report(Bad, fmt.Sprintf("offloads are on (%s): bmv2 forwards frames without checksums, and super-frames", join(on)), "ethtool -K "+name+" "+join(on, "off")+
			" && ip link set "+name+" gso_max_segs 1")
	default:
		report(Good, fmt.Sprintf("offloads are on (%s), which the softswitch undoes itself", join(on)), "")
	}
}

// join lists offloads, each followed by the words.
func join(list []ethtool.Offload, words ...string) string {
	var out []string
	for _, o := range list {
		out = append(out, append([]string{string(o)}, words...)...)
	}
	return strings.Join(out, " ")
}
