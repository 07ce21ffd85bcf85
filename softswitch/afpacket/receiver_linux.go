package afpacket

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/softswitch/port"
)

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

const (
	// vnetLen is the length of struct virtio_net_hdr, before each frame.
	vnetLen = 10
	// controlLen holds one struct tpacket_auxdata (the kernel sends no other
	// control message here).
	controlLen = 64
)

// controlBuffer is aligned as the kernel's struct cmsghdr is.
type controlBuffer struct {
	_     [0]uint64
	bytes [controlLen]byte
}

// receiver holds what one recvmmsg call needs. The frames are read straight
// into the caller's buffers; what a super-frame has beyond such a buffer goes
// into spill, at the place it has in the whole.
type receiver struct {
	msgs    [maxBatch]mmsghdr
	iov     [maxBatch][3]unix.Iovec // virtio header, caller's buffer, spill
	vnet    [maxBatch][vnetLen]byte
	control [maxBatch]controlBuffer
	// spill is 4 MB, of which a port that meets no super-frame touches none.
	spill   *[maxBatch][maxSuperFrame]byte
	backlog backlog

	asked, got int
	err        unix.Errno
	readable   func(fd uintptr) (done bool) // receive, as the poller wants it
}

func (r *receiver) init() {
	r.spill = new([maxBatch][maxSuperFrame]byte)
	for i := range r.msgs {
		r.iov[i][0].Base = &r.vnet[i][0]
		r.iov[i][0].SetLen(vnetLen)
		h := &r.msgs[i].hdr
		h.Iov = &r.iov[i][0]
		h.SetIovlen(3)
		h.Control = &r.control[i].bytes[0]
	}
	r.readable = r.receive
}

// prepare points the messages at the caller's buffers.
func (r *receiver) prepare(frames [][]byte) {
	r.asked = min(len(frames), maxBatch)
	for i, f := range frames[:r.asked] {
		f = f[:cap(f)]
		room := min(len(f), port.MaxFrame)
		r.iov[i][1].Base = unsafe.SliceData(f)
		r.iov[i][1].SetLen(room)
		r.iov[i][2].Base = &r.spill[i][room]
		r.iov[i][2].SetLen(maxSuperFrame - room)
		r.msgs[i].hdr.SetControllen(controlLen)
		r.msgs[i].hdr.Flags = 0
	}
}

// receive reads what is there. It reports false when there is nothing, for
// the poller to wait.
func (r *receiver) receive(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.msgs[0])),
			uintptr(r.asked), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case 0:
			r.got, r.err = int(n), 0
		default:
			r.got, r.err = 0, errno
		}
		return true
	}
}

// collect moves the frames that are fit to be seen to the front of frames. The
// first super-frame, and everything behind it, goes to the backlog instead.
func (r *receiver) collect(frames [][]byte) (n, dropped int) {
	for i := range r.got {
		m := &r.msgs[i]
		length, room := int(m.len)-vnetLen, int(r.iov[i][1].Len)
		if length <= 0 || m.hdr.Flags&unix.MSG_TRUNC != 0 {
			dropped++
			continue
		}
		h := parseVnet(&r.vnet[i])
		tag := parseAuxdata(r.control[i].bytes[:min(int(m.hdr.Controllen), controlLen)])
		if h.gso != unix.VIRTIO_NET_HDR_GSO_NONE {
			if s, ok := parseSuperFrame(r.whole(i, frames[i], length), h, tag); ok {
				r.backlog.push(s)
			} else {
				dropped++
			}
			continue
		}
		frame, ok := frames[i], length <= room
		if ok {
			frame, ok = restore(frame[:length], h, tag)
		}
		switch {
		case !ok:
			dropped++
		case !r.backlog.empty():
			r.backlog.push(oneFrame(r.whole(i, frame, len(frame))))
		default:
			frames[i], frames[n] = frames[n], frame
			n++
		}
	}
	return n, dropped
}

// whole copies what is in the caller's buffer in front of what is in spill.
func (r *receiver) whole(i int, buffer []byte, length int) []byte {
	all := r.spill[i][:length]
	copy(all, buffer[:min(length, int(r.iov[i][1].Len))])
	return all
}
