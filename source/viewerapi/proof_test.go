package viewerapi_test

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/viewerapi"
)

// prover opens a prover on the loopback interface.
func prover(t *testing.T) *viewerapi.Prover {
	t.Helper()
	p, err := viewerapi.NewProver("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// other is a socket on an address that is not the client's.
func other(t *testing.T) (*net.UDPConn, uint16) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skipf("no 127.0.0.2 on this machine: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, uint16(conn.LocalAddr().(*net.UDPAddr).Port)
}

// An address that sends back the nonce is served.
func TestProof(t *testing.T) {
	a := start(t, viewerapi.Options{Prover: prover(t)})
	conn, port := other(t)
	go func() {
		buf := make([]byte, 100)
		for first := true; ; first = false {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil || !viewerapi.IsProof(buf[:n]) {
				return
			}
			if !first { // the first one is lost
				_, _ = conn.WriteToUDP(buf[:n], from)
			}
		}
	}()
	status, lease := a.ask("POST", viewers, fmt.Sprintf(`{"eid": "127.0.0.2", "port": %d}`, port))
	if status != 201 || lease["eid"] != "127.0.0.2" || len(a.served()) != 1 {
		t.Fatal(status, lease)
	}
}

// One that does not, or another in its place, never receives a byte of media.
func TestNoProof(t *testing.T) {
	t.Parallel()
	p := prover(t)
	a := start(t, viewerapi.Options{Prover: p, Limits: viewerapi.Limits{PerPending: 2}})
	victim, port := other(t)
	body := fmt.Sprintf(`{"eid": "127.0.0.2", "port": %d}`, port)
	attacker, err := net.DialUDP("udp4", nil, p.Addr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = attacker.Close() }()
	received := make(chan [][]byte)
	go func() { // the attacker even knows the nonce, and cannot send it from there
		var all [][]byte
		buf := make([]byte, 2000)
		for {
			n, err := victim.Read(buf)
			if err != nil {
				received <- all
				return
			}
			all = append(all, bytes.Clone(buf[:n]))
			_, _ = attacker.Write(buf[:n])
			_, _ = attacker.Write([]byte("garbage"))
		}
	}()
	var joins sync.WaitGroup
	statuses := make(chan int, 6)
	for range 6 {
		joins.Go(func() {
			status, _ := a.ask("POST", viewers, body)
			statuses <- status
		})
	}
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got := a.served(); len(got) != 0 {
			t.Fatalf("%v is served", got)
		}
	}
	joins.Wait()
	count := map[int]int{}
	for range 6 {
		count[<-statuses]++
	}
	if count[403] != 2 || count[429] != 4 {
		t.Errorf("answers %v, want 2 times 403 and 4 times 429", count)
	}
	_ = victim.Close()
	all := <-received
	for _, d := range all {
		if !viewerapi.IsProof(d) {
			t.Errorf("the victim received %q", d)
		}
	}
	if len(all) > 2*3 {
		t.Errorf("the victim received %d datagrams, want at most 3 a join", len(all))
	}
}
