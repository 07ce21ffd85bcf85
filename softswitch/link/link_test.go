package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/corecast/corecast/softswitch/port"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func buffers(n int) [][]byte {
	b := make([][]byte, n)
	for i := range b {
		b[i] = make([]byte, 0, port.MaxFrame)
	}
	return b
}

// Whatever the ring size and the batch sizes, frames arrive once, whole and in
// order in both directions, and both ends count the same.
func TestFramesArriveInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := New(Options{Frames: rapid.IntRange(1, 9).Draw(t, "ring")})
		defer a.Close()
		frames := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 80), 1, 60).Draw(t, "frames")
		sendBatch := rapid.IntRange(1, 12).Draw(t, "send batch")
		recvBatch := rapid.IntRange(1, 12).Draw(t, "recv batch")
		if rapid.Bool().Draw(t, "backwards") {
			a, b = b, a
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for rest := frames; len(rest) > 0; {
				n := min(sendBatch, len(rest))
				if sent, err := a.Send(rest[:n]); sent != n || err != nil {
					t.Errorf("Send = %d, %v; want %d", sent, err, n)
				}
				rest = rest[n:]
			}
		})
		var got [][]byte
		for buf := buffers(recvBatch); len(got) < len(frames); {
			n, err := b.Recv(buf)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range buf[:n] {
				got = append(got, bytes.Clone(f))
			}
		}
		wg.Wait()
		for i := range frames {
			if !bytes.Equal(frames[i], got[i]) {
				t.Fatalf("frame %d = %x, want %x", i, got[i], frames[i])
			}
		}
		tx, rx := a.Stats(), b.Stats()
		if tx.TxFrames != rx.RxFrames || tx.TxBytes != rx.RxBytes || tx.TxFrames != uint64(len(frames)) {
			t.Fatalf("sent %+v, received %+v, want %d frames", tx, rx, len(frames))
		}
	})
}

func TestFullLink(t *testing.T) {
	tests := []struct {
		name    string
		options Options
	}{
		{"drops at once when told to", Options{Frames: 4, DropWhenFull: true}},
		{"drops after the wait", Options{Frames: 4, Wait: time.Millisecond}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := New(tt.options)
			defer a.Close()
			batch := [][]byte{{1}, {2}, {3}, {4}, {5}, {6}}
			if n, err := a.Send(batch); n != 4 || err != nil {
				t.Fatalf("Send = %d, %v, want 4 frames in", n, err)
			}
			if got := a.Stats().TxDropped; got != 2 {
				t.Fatalf("TxDropped = %d, want 2", got)
			}
			if n, err := b.Recv(buffers(8)); n != 4 || err != nil {
				t.Fatalf("Recv = %d, %v, want 4", n, err)
			}
			if n, _ := a.Send(batch[:1]); n != 1 {
				t.Fatal("no room although the ring was drained")
			}
		})
	}
}

// A receiver that reads nothing costs its sender one wait, not one per batch,
// and is waited for again once it reads.
func TestStalledReceiverIsWaitedForOnce(t *testing.T) {
	a, b := New(Options{Frames: 1, Wait: time.Millisecond})
	defer a.Close()
	a.Send([][]byte{{1}, {2}})
	if !a.stalled {
		t.Fatal("not stalled after a wait in vain")
	}
	a.wait = time.Hour // a second wait would hang the test
	a.Send([][]byte{{3}})
	if got := a.Stats().TxDropped; got != 2 {
		t.Fatalf("TxDropped = %d, want 2", got)
	}
	if _, err := b.Recv(buffers(1)); err != nil {
		t.Fatal(err)
	}
	a.Send([][]byte{{4}})
	if a.stalled {
		t.Fatal("still stalled after the receiver read")
	}
}

func TestFrameTooLongIsDropped(t *testing.T) {
	a, b := New(Options{})
	defer a.Close()
	if n, err := a.Send([][]byte{make([]byte, port.MaxFrame+1), {7}}); n != 1 || err != nil {
		t.Fatalf("Send = %d, %v, want the second frame only", n, err)
	}
	buf := buffers(2)
	if n, _ := b.Recv(buf); n != 1 || !bytes.Equal(buf[0], []byte{7}) {
		t.Fatalf("Recv = %d %x, want 07", n, buf[0])
	}
	if got := a.Stats().TxDropped; got != 1 {
		t.Fatalf("TxDropped = %d, want 1", got)
	}
}

func TestSmallBufferLosesItsFrame(t *testing.T) {
	a, b := New(Options{})
	defer a.Close()
	a.Send([][]byte{{1, 2, 3}, {4}})
	buf := [][]byte{make([]byte, 0, 2)}
	if n, err := b.Recv(buf); n != 1 || err != nil || !bytes.Equal(buf[0], []byte{4}) {
		t.Fatalf("Recv = %d %x %v, want 04", n, buf[0], err)
	}
	if got := b.Stats().RxDropped; got != 1 {
		t.Fatalf("RxDropped = %d, want 1", got)
	}
}

func TestCloseOfEitherEndEndsEverything(t *testing.T) {
	for _, closer := range []string{"sender", "receiver"} {
		t.Run(closer, func(t *testing.T) {
			a, b := New(Options{Frames: 1, Wait: time.Hour})
			ends := map[string]*End{"sender": a, "receiver": b}
			var wg sync.WaitGroup
			wg.Go(func() { // waits for a frame that never comes
				if _, err := a.Recv(buffers(1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Recv = %v, want net.ErrClosed", err)
				}
			})
			wg.Go(func() { // waits for room that never comes
				if _, err := a.Send([][]byte{{1}, {2}}); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Send = %v, want net.ErrClosed", err)
				}
			})
			ends[closer].Close()
			ends[closer].Close()
			wg.Wait()
		})
	}
}

func TestFramesSentBeforeCloseAreDelivered(t *testing.T) {
	a, b := New(Options{})
	a.Send([][]byte{{9}})
	a.Close()
	if n, err := b.Recv(buffers(4)); n != 1 || err != nil {
		t.Fatalf("Recv = %d, %v, want the frame sent before Close", n, err)
	}
	if _, err := b.Recv(buffers(4)); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Recv = %v, want net.ErrClosed", err)
	}
}

func TestNothingIsAllocatedPerFrame(t *testing.T) {
	a, b := New(Options{})
	defer a.Close()
	batch, buf := [][]byte{make([]byte, 64), make([]byte, 1500)}, buffers(8)
	if n := testing.AllocsPerRun(100, func() { a.Send(batch); b.Recv(buf) }); n != 0 {
		t.Fatalf("%v allocations per batch, want 0", n)
	}
}

func BenchmarkLink(b *testing.B) {
	x, y := New(Options{})
	batch := make([][]byte, 32)
	for i := range batch {
		batch[i] = make([]byte, 64)
		binary.BigEndian.PutUint32(batch[i], uint32(i))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := buffers(64); ; {
			if _, err := y.Recv(buf); err != nil {
				return
			}
		}
	}()
	for b.Loop() {
		x.Send(batch)
	}
	x.Close()
	<-done
	b.ReportMetric(float64(len(batch))*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}
