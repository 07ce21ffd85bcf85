package afpacket

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/softswitch/port"
)

const vlanLen = 4

// vnet is what struct virtio_net_hdr says of a frame: which work the sender
// left to hardware that is not there. Its hdr_len is a hint, and not taken.
type vnet struct {
	needsChecksum bool
	gso           byte // VIRTIO_NET_HDR_GSO_NONE, or what kind of super-frame it is
	size          int  // of a super-frame: payload bytes of each frame in it
	start, offset int  // the checksum covers start to the end, and is at start+offset
}

func parseVnet(b *[vnetLen]byte) vnet {
	return vnet{
		needsChecksum: b[0]&unix.VIRTIO_NET_HDR_F_NEEDS_CSUM != 0,
		gso:           b[1] &^ unix.VIRTIO_NET_HDR_GSO_ECN, // that one is in the TCP header too
		size:          int(binary.NativeEndian.Uint16(b[4:])),
		start:         int(binary.NativeEndian.Uint16(b[6:])),
		offset:        int(binary.NativeEndian.Uint16(b[8:])),
	}
}

// protocol returns the IP protocol that a kind of super-frame is of, 0 for an
// unknown kind.
func (h vnet) protocol() byte {
	switch h.gso {
	case unix.VIRTIO_NET_HDR_GSO_UDP_L4:
		return unix.IPPROTO_UDP
	case unix.VIRTIO_NET_HDR_GSO_TCPV4, unix.VIRTIO_NET_HDR_GSO_TCPV6:
		return unix.IPPROTO_TCP
	}
	return 0
}

// vlanTag is an 802.1Q tag the kernel took off a frame.
type vlanTag struct {
	present  bool
	tpid, id uint16
}

// parseAuxdata reads a control message that holds a struct tpacket_auxdata.
func parseAuxdata(control []byte) vlanTag {
	if len(control) < unix.CmsgLen(int(unsafe.Sizeof(unix.TpacketAuxdata{}))) {
		return vlanTag{}
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(control)))
	if h.Level != unix.SOL_PACKET || h.Type != unix.PACKET_AUXDATA {
		return vlanTag{}
	}
	a := (*unix.TpacketAuxdata)(unsafe.Pointer(&control[unix.CmsgLen(0)]))
	if a.Status&unix.TP_STATUS_VLAN_VALID == 0 {
		return vlanTag{}
	}
	tag := vlanTag{present: true, tpid: unix.ETH_P_8021Q, id: a.Vlan_tci}
	if a.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tag.tpid = a.Vlan_tpid
	}
	return tag
}

// restore makes of a received frame, which is no super-frame, what was on the
// wire. It reports false for what cannot have been there.
func restore(frame []byte, h vnet, tag vlanTag) ([]byte, bool) {
	if h.needsChecksum && !completeChecksum(frame, h.start, h.offset) {
		return frame, false
	}
	if tag.present {
		return insertTag(frame, tag)
	}
	return frame, true
}

// completeChecksum finishes a checksum whose field holds the sum of the
// pseudo-header.
func completeChecksum(frame []byte, start, offset int) bool {
	at := start + offset
	if start >= len(frame) || at+2 > len(frame) {
		return false
	}
	field := ^fold(add(0, frame[start:]))
	if field == 0 {
		field = 0xffff // 0 means "none" in UDP, and the two are equal in TCP
	}
	binary.BigEndian.PutUint16(frame[at:], field)
	return true
}

// insertTag puts the tag back behind the two addresses.
func insertTag(frame []byte, tag vlanTag) ([]byte, bool) {
	const addresses = 12
	n := len(frame)
	if n < addresses || n+vlanLen > cap(frame) || n+vlanLen > port.MaxFrame {
		return frame, false
	}
	frame = frame[:n+vlanLen]
	copy(frame[addresses+vlanLen:], frame[addresses:n])
	binary.BigEndian.PutUint16(frame[addresses:], tag.tpid)
	binary.BigEndian.PutUint16(frame[addresses+2:], tag.id)
	return frame, true
}
