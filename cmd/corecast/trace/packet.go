package trace

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// strangerMAC is where imaginary packets come from.
var strangerMAC = inet.MAC{0x02, 0, 0, 0, 0, 0x01}

// ethernet puts an IP packet into a frame for a port.
func ethernet(to config.MAC, packet []byte) []byte {
	e := inet.Ethernet{Dst: inet.MAC(to), Src: strangerMAC, Type: inet.EtherTypeIPv4}
	if len(packet) > 0 && packet[0]>>4 == 6 {
		e.Type = inet.EtherTypeIPv6
	}
	return append(e.Append(nil), packet...)
}

// ipOf is the packet in a frame.
func ipOf(frame []byte) []byte {
	var e inet.Ethernet
	packet, err := e.Decode(frame)
	if err != nil {
		return nil
	}
	return packet
}

// destination is where the packet in a frame goes.
func destination(frame []byte) netip.Addr {
	var d inet.Datagram
	if d.Decode(ipOf(frame)) != nil {
		return netip.Addr{}
	}
	return d.Dst.Addr()
}

// describe says in a line what is in a frame.
func describe(frame []byte) string {
	var e inet.Ethernet
	if _, err := e.Decode(frame); err == nil && e.Type == build.EthertypeLoop {
		return fmt.Sprintf("the same, padded to %d bytes", len(frame))
	}
	return describePacket(ipOf(frame))
}

func describePacket(packet []byte) string {
	var d inet.Datagram
	if err := d.Decode(packet); err != nil {
		if errors.Is(err, inet.ErrProtocol) {
			return fmt.Sprintf("an IP packet of %d bytes that is not UDP", len(packet))
		}
		return fmt.Sprintf("%d bytes: %v", len(packet), err)
	}
	line := fmt.Sprintf("%v → %v", d.Src, d.Dst)
	switch d.Dst.Port() {
	case lisp.DataPort:
		var h lisp.DataHeader
		inner, err := h.Decode(d.Payload)
		if err != nil {
			return line + ": " + err.Error()
		}
		instance := ""
		if h.InstanceID != 0 {
			instance = fmt.Sprintf(" instance-id %d", h.InstanceID)
		}
		return fmt.Sprintf("LISP %v → %v%s [ %s ]", d.Src.Addr(), d.Dst.Addr(), instance, describePacket(inner))
	case wire.Port:
		return line + ": " + describeCoreCast(d.Payload)
	}
	return fmt.Sprintf("%s: %d bytes", line, len(d.Payload))
}

func describeCoreCast(b []byte) string {
	var h wire.Header
	if err := h.Decode(b); err != nil {
		return err.Error()
	}
	var viewers []string
	switch h.Type {
	case wire.TypeHeader4:
		var list wire.Header4
		if err := list.Decode(b); err != nil {
			return err.Error()
		}
		for v := range list.Viewers() {
			viewers = append(viewers, v.String())
		}
	case wire.TypeHeader6:
		var list wire.Header6
		if err := list.Decode(b); err != nil {
			return err.Error()
		}
		for v := range list.Viewers() {
			viewers = append(viewers, v.String())
		}
	default:
		return fmt.Sprintf("PAYLOAD of %d bytes", h.ID.Length)
	}
	return "HEADER for " + strings.Join(viewers, ", ")
}
