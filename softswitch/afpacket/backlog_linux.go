package afpacket

// backlog holds what has come out of the kernel and not yet been delivered:
// super-frames, and frames that arrived behind one in the same batch.
type backlog struct {
	waiting    [maxBatch]superFrame
	head, tail int // waiting[head:tail] are to be delivered, in this order
}

func (b *backlog) empty() bool { return b.head == b.tail }

// push adds to the end. One batch fits: the kernel is not asked for another
// until the backlog is empty.
func (b *backlog) push(s superFrame) {
	if b.empty() {
		b.head, b.tail = 0, 0
	}
	b.waiting[b.tail] = s
	b.tail++
}

// deliver fills the buffers with as many frames as there are and returns how
// many those are, and how many did not fit their buffer.
func (b *backlog) deliver(frames [][]byte) (n, dropped int) {
	for n < len(frames) && !b.empty() {
		s := &b.waiting[b.head]
		frame, ok := s.next(frames[n])
		if s.done() {
			b.head++
		}
		if !ok {
			dropped++
			continue
		}
		frames[n] = frame
		n++
	}
	return n, dropped
}
