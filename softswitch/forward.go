package softswitch

const (
	// receiveBatch is how many frames are taken from a port at once.
	receiveBatch = 64
	// Frames that came out of the engine are staged before they are sent, so
	// a batch that fans out widely needs much memory. Above stagedHigh bytes
	// the next batch is half as large; above stagedMax the memory is let go.
	stagedHigh = 256 << 10
	stagedMax  = 4 << 20
)

// forwarder takes batches through the engine and on to the ports. Each
// goroutine that moves frames has its own.
type forwarder struct {
	sw     *Switch
	stride int // how many frames go through the engine at once

	arena  []byte   // the staged frames, one behind the other
	staged []staged // in the order they came out
	emit   func(port uint32, frame []byte)

	byPort  [MaxPort + 1][][]byte // the staged frames of each port, in order
	touched []uint32              // which of byPort are not empty
}

type staged struct {
	port     uint32
	from, to int
}

func newForwarder(s *Switch) *forwarder {
	f := &forwarder{sw: s, stride: receiveBatch}
	f.emit = f.stage
	return f
}

// forward runs frames through the pipeline and sends what comes out.
func (f *forwarder) forward(in uint32, frames [][]byte) {
	for len(frames) > 0 {
		plane := f.sw.plane.Load()
		if plane == nil {
			f.sw.noPipeline.Add(uint64(len(frames)))
			return
		}
		n := min(f.stride, len(frames))
		plane.ProcessBatch(in, frames[:n], f.emit)
		frames = frames[n:]
		f.flush()
	}
}

// stage copies a frame out of the engine, which holds its lock meanwhile.
func (f *forwarder) stage(port uint32, frame []byte) {
	from := len(f.arena)
	f.arena = append(f.arena, frame...)
	f.staged = append(f.staged, staged{port, from, len(f.arena)})
}

// flush sends what is staged, port by port.
func (f *forwarder) flush() {
	for _, s := range f.staged {
		if s.port > MaxPort {
			f.sw.noPort.Add(1)
			continue
		}
		if len(f.byPort[s.port]) == 0 {
			f.touched = append(f.touched, s.port)
		}
		f.byPort[s.port] = append(f.byPort[s.port], f.arena[s.from:s.to])
	}
	for _, id := range f.touched {
		f.send(id, f.byPort[id])
		clear(f.byPort[id])
		f.byPort[id] = f.byPort[id][:0]
	}
	f.adapt()
	f.touched, f.staged, f.arena = f.touched[:0], f.staged[:0], f.arena[:0]
}

func (f *forwarder) send(id uint32, frames [][]byte) {
	if id == f.sw.cfg.CPUPort && id != 0 {
		for _, frame := range frames {
			f.sw.server.PacketIn(frame)
		}
		return
	}
	a := f.sw.ports.Load()[id]
	if a == nil {
		f.sw.noPort.Add(uint64(len(frames)))
		return
	}
	a.send.Lock()
	n, err := a.port.Send(frames)
	a.send.Unlock()
	if err != nil { // an open port counts its own drops, a closed one cannot
		f.sw.noPort.Add(uint64(len(frames) - n))
	}
}

// adapt keeps the staging memory small when batches fan out.
func (f *forwarder) adapt() {
	switch n := len(f.arena); {
	case n > stagedMax:
		f.arena, f.stride = nil, 1
	case n > stagedHigh:
		f.stride = max(1, f.stride/2)
	default:
		f.stride = min(receiveBatch, f.stride*2)
	}
}
