package bmv2test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/corecast/corecast/internal/tshark"
	"github.com/corecast/corecast/wire"
)

// tsharkFields are what tshark is asked of every packet; for inner packets it
// names a field again, after the outer one.
var tsharkFields = []string{
	"frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.dstport", "ip.checksum.status", "udp.checksum.status",
	"lisp-data.iid", "frame.len", "udp.length",
}

// TestTshark has tshark decode everything that crosses the transit segment in
// a run of all families, lists and ordinary traffic: each packet is LISP, with
// the inner packet that it should have, and every checksum is right.
func TestTshark(t *testing.T) {
	tshark.Skip(t)
	st := &T{T: t, stage: newStage(t, Fig2Options{DualStack: true, SecondPort: true}), ctx: t.Context()}
	crossings := mixedRun(st)
	capture := newCapture(len(crossings))
	for _, c := range crossings {
		capture.add(c.frame)
	}
	path := filepath.Join(t.TempDir(), "transit.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := capture.writePcap(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	decoded := tshark.Fields(t, path, tsharkFields...)
	if len(decoded) != len(crossings) || len(decoded) < 100 {
		t.Fatalf("tshark decoded %d of %d packets", len(decoded), len(crossings))
	}
	for i, values := range decoded {
		if err := checkDecoded(st, crossings[i], values); err != nil {
			t.Fatalf("packet %d: %v: %s\n%x", i+1, err, values, crossings[i].frame)
		}
	}
	t.Logf("tshark decoded %d packets", len(decoded))
}

// mixedRun sends payloads, headers, lists and ordinary packets in both
// families to all domains, and returns what crossed.
func mixedRun(st *T) []crossing {
	got, _ := st.watch(func() {
		for _, t := range []*T{st, st.ipv6()} {
			for _, size := range []int{1, 2, 255, 1315, 1316, 1472} {
				m := t.media(size)
				frames := [][]byte{t.payload(m)}
				for _, v := range t.fig.Viewers {
					frames = append(frames, t.header(m, t.at(v)))
				}
				for d := 1; d <= t.fig.Domains; d++ {
					frames = append(frames, t.header(m, addresses(t.listOf(d, 5))...), t.header(m, addresses(t.listOf(d, 32))...))
				}
				for d := 1; d <= t.fig.Domains; d++ {
					to := t.between(0, d, 5000, 0x2E)
					to.Payload = make([]byte, size)
					frames = append(frames, t.datagramFrom(t.fig.Host(SourceName), to))
				}
				t.send(SourceName, frames...)
			}
		}
	})
	return got.transit
}

// checkDecoded compares what tshark says of a packet with what our codec says.
func checkDecoded(t *T, c crossing, fields []string) error {
	if len(fields) != len(tsharkFields) {
		return fmt.Errorf("%d fields, want %d", len(fields), len(tsharkFields))
	}
	all := make(map[string][]string)
	for i, name := range tsharkFields {
		all[name] = strings.Split(fields[i], ",")
	}
	p := t.tunnelled(c)
	family := func(ip []byte) string {
		if ip[0]>>4 == 6 {
			return "ipv6"
		}
		return "ip"
	}
	outer, inner := family(ipOf(c.frame)), family(p.Inner)
	want := fmt.Sprintf("eth:ethertype:%s:udp:lisp-data:%s:udp", outer, inner)
	if protocols := fields[0]; !strings.HasPrefix(protocols, want) {
		return fmt.Errorf("protocols %s, want %s", protocols, want)
	}
	addresses := map[string][]string{"ip": {}, "ipv6": {}}
	addresses[outer] = append(addresses[outer], p.Src.String()+">"+p.Dst.String())
	addresses[inner] = append(addresses[inner], p.inner.Src.Addr().String()+">"+p.inner.Dst.Addr().String())
	for name, want := range addresses {
		for i, pair := range want {
			if got := all[name+".src"][i] + ">" + all[name+".dst"][i]; got != pair {
				return fmt.Errorf("%s %d: %s, want %s", name, i, got, pair)
			}
		}
	}
	if got := all["udp.dstport"]; len(got) != 2 || got[0] != "4341" || got[1] != strconv.Itoa(int(p.inner.Dst.Port())) {
		return fmt.Errorf("UDP ports %v", got)
	}
	return checkSums(t, p, all)
}

// Checksum states as tshark numbers them.
const (
	sumGood       = "1"
	sumNotPresent = "3"
)

// checkSums wants every IPv4 header checksum and the inner UDP checksum right.
// The outer UDP checksum is 0, as RFC 9300 says.
func checkSums(t *T, p tunnelled, all map[string][]string) error {
	for _, status := range all["ip.checksum.status"] {
		if status != sumGood && status != "" {
			return fmt.Errorf("IPv4 checksum status %v", all["ip.checksum.status"])
		}
	}
	udp := all["udp.checksum.status"]
	if len(udp) != 2 || udp[1] != sumGood {
		return fmt.Errorf("UDP checksum status %v, want that of the inner packet %s", udp, sumGood)
	}
	if p.Src.Is4() && udp[0] != sumNotPresent {
		return fmt.Errorf("outer UDP checksum status %v, want %s", udp, sumNotPresent)
	}
	if p.inner.Dst.Port() == wire.Port && !summed(p.Inner) {
		return fmt.Errorf("a CoreCast packet without a UDP checksum")
	}
	return nil
}
