package afpacket

import (
	"bytes"
	"encoding/binary"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/softswitch/port"
)

// slowSplit is the oracle: it has gopacket decode the super-frame, and gives
// each frame a changed copy of the headers for gopacket to write. sure is
// false where gopacket does not write what it has read (malformed options,
// reserved bits): there it has no opinion.
func slowSplit(data []byte, h vnet, tag vlanTag) (frames [][]byte, sure bool) {
	var eth layers.Ethernet
	if eth.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil {
		return nil, true
	}
	etherType, at := eth.EthernetType, 14
	for tags := 0; etherType == layers.EthernetTypeDot1Q || etherType == layers.EthernetTypeQinQ; tags++ {
		var q layers.Dot1Q
		if tags == 2 || q.DecodeFromBytes(data[at:], gopacket.NilDecodeFeedback) != nil {
			return nil, true
		}
		etherType, at = q.Type, at+4
	}
	switch etherType {
	case layers.EthernetTypeIPv4:
		return slowSplitIPv4(data[:at], data[at:], h, tag)
	case layers.EthernetTypeIPv6:
		return slowSplitIPv6(data[:at], data[at:], h, tag)
	}
	return nil, true
}

func slowSplitIPv4(ethernet, packet []byte, h vnet, tag vlanTag) ([][]byte, bool) {
	var ip layers.IPv4
	if len(packet) < 20 || packet[0]>>4 != 4 || int(binary.BigEndian.Uint16(packet[2:])) != len(packet) {
		return nil, true
	}
	if ip.DecodeFromBytes(packet, gopacket.NilDecodeFeedback) != nil {
		return nil, false
	}
	if ip.Flags&layers.IPv4MoreFragments != 0 || ip.FragOffset != 0 || h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV6 {
		return nil, true
	}
	id := ip.Id
	return slowSplitTransport(ethernet, packet, ip.Payload, ip.Protocol, h, tag, func(i, length int) gopacket.SerializableLayer {
		ip.Id, ip.Length = id+uint16(i), uint16(len(ip.Contents)+length)
		return &ip
	})
}

func slowSplitIPv6(ethernet, packet []byte, h vnet, tag vlanTag) ([][]byte, bool) {
	var ip layers.IPv6
	if len(packet) < 40 || packet[0]>>4 != 6 || packet[6] == byte(layers.IPProtocolIPv6HopByHop) ||
		ip.DecodeFromBytes(packet, gopacket.NilDecodeFeedback) != nil {
		return nil, true
	}
	if int(ip.Length) != len(packet)-40 || h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV4 {
		return nil, true
	}
	return slowSplitTransport(ethernet, packet, ip.Payload, ip.NextHeader, h, tag, func(_, length int) gopacket.SerializableLayer {
		ip.Length = uint16(length)
		return &ip
	})
}

// slowSplitTransport writes the frames; ip makes the IP header of the i-th,
// whose payload has the given length.
func slowSplitTransport(ethernet, packet, segment []byte, protocol layers.IPProtocol, h vnet, tag vlanTag,
	ip func(i, length int) gopacket.SerializableLayer) (frames [][]byte, sure bool) {
	var tr slowTransport
	pseudo := ip(0, len(segment)).(gopacket.NetworkLayer)
	tcp := h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV4 || h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV6
	switch {
	case protocol == layers.IPProtocolUDP && h.gso == unix.VIRTIO_NET_HDR_GSO_UDP_L4:
		tr, sure = slowUDP(segment, pseudo)
	case protocol == layers.IPProtocolTCP && tcp:
		tr, sure = slowTCP(segment, pseudo)
	default:
		return nil, true
	}
	payload := tr.payload
	if len(payload) == 0 {
		return nil, sure
	}
	header := len(segment) - len(payload)
	start := len(ethernet) + len(packet) - len(segment)
	longest := start + header + min(len(payload), h.size)
	if tag.present {
		longest += 4
	}
	if h.size == 0 || longest > port.MaxFrame || h.needsChecksum && (h.start != start || h.offset != tr.sumAt) {
		return nil, true
	}
	again := slowWrite(false, ip(0, len(segment)), tr.header(0, len(payload), true), gopacket.Payload(payload))
	if !bytes.Equal(again, packet) {
		return nil, false
	}
	for i := 0; i*h.size < len(payload); i++ {
		before := i * h.size
		end := min(before+h.size, len(payload))
		chunk := payload[before:end]
		frame := bytes.Clone(ethernet[:12])
		if tag.present {
			frame = binary.BigEndian.AppendUint16(frame, tag.tpid)
			frame = binary.BigEndian.AppendUint16(frame, tag.id)
		}
		frame = append(frame, ethernet[12:]...)
		frames = append(frames, append(frame, slowWrite(true, ip(i, header+len(chunk)),
			tr.header(before, len(chunk), end == len(payload)), gopacket.Payload(chunk))...))
	}
	return frames, true
}

// slowTransport is a decoded UDP or TCP header.
type slowTransport struct {
	payload []byte // nil: there is none, or the header is wrong
	sumAt   int
	// header makes the header of the frame with the given payload before it
	// and in it.
	header func(before, length int, last bool) gopacket.SerializableLayer
}

func slowUDP(segment []byte, pseudo gopacket.NetworkLayer) (tr slowTransport, sure bool) {
	var udp layers.UDP
	if udp.DecodeFromBytes(segment, gopacket.NilDecodeFeedback) != nil || int(udp.Length) != len(segment) {
		return tr, true
	}
	udp.SetNetworkLayerForChecksum(pseudo)
	return slowTransport{udp.Payload, 6, func(_, length int, _ bool) gopacket.SerializableLayer {
		udp.Length = uint16(8 + length)
		return &udp
	}}, true
}

func slowTCP(segment []byte, pseudo gopacket.NetworkLayer) (tr slowTransport, sure bool) {
	var tcp layers.TCP
	if len(segment) < 20 || int(segment[12]>>4)*4 > len(segment) || segment[12]>>4 < 5 {
		return tr, true
	}
	if tcp.DecodeFromBytes(segment, gopacket.NilDecodeFeedback) != nil {
		return tr, false
	}
	tcp.SetNetworkLayerForChecksum(pseudo)
	original := tcp
	return slowTransport{tcp.Payload, 16, func(before, _ int, last bool) gopacket.SerializableLayer {
		tcp.Seq = original.Seq + uint32(before)
		tcp.FIN, tcp.PSH = original.FIN && last, original.PSH && last
		tcp.CWR = original.CWR && before == 0
		return &tcp
	}}, true
}

func slowWrite(checksums bool, all ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	if gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: checksums}, all...) != nil {
		return nil
	}
	return bytes.Clone(buf.Bytes())
}
