package lisp_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/internal/pcap"
	"github.com/corecast/corecast/internal/tshark"
	"github.com/corecast/corecast/lisp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// tsharkFields are what tshark is asked of every message.
func tsharkFields() []string {
	return []string{"_ws.malformed", "lisp.type", "lisp.nonce", "lisp.records", "lisp.irc", "lisp.keyid", "lisp.authlen",
		"lisp.mreq.record.prefix.length", "lisp.mapping.eid.masklen", "lisp.mapping.ttl", "lisp.mapping.loccnt",
		"lisp.mapping.ver", "lisp.loc.priority", "lisp.loc.weight", "lisp.loc.multicast_priority",
		"lisp.loc.multicast_weight", "lisp.xtrid", "udp.checksum.status"}
}

// TestTshark has tshark decode messages of every type and every LCAF, and
// compares what it finds with what was encoded.
func TestTshark(t *testing.T) {
	tshark.Skip(t)
	packets := tsharkPackets(t)
	decoded := tshark.Fields(t, writePcap(t, packets), tsharkFields()...)
	if len(decoded) != len(packets) || len(decoded) < 30 {
		t.Fatalf("tshark decoded %d of %d packets", len(decoded), len(packets))
	}
	for i, values := range decoded {
		got := map[string]string{}
		for j, value := range values {
			if value != "" {
				got[tsharkFields()[j]] = value
			}
		}
		for field, want := range tsharkMeaning(t, packets[i]) {
			if got[field] != want {
				t.Errorf("packet %d, %s: %q, want %q: %x\n%s", i+1, field, got[field], want, packets[i], values)
			}
		}
		if got["_ws.malformed"] != "" {
			t.Errorf("packet %d is malformed: %x", i+1, packets[i])
		}
	}
}

// tsharkPackets are the vectors, encoded again, and a Map-Register with each
// LCAF as a locator.
func tsharkPackets(t *testing.T) [][]byte {
	var packets [][]byte
	encode := func(m message) {
		packet, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, packet)
	}
	for _, name := range vectorNames(t) {
		encode(vectorMeanings(t)[name])
	}
	for _, l := range lcafVectors() {
		if l == nil {
			continue
		}
		record := lisp.Record{Prefix: prefix("[7]2001:db8:1::/48"), TTL: 10, MapVersion: 9, Locators: []lisp.Locator{
			{Address: lcafAddress(t, l), Priority: 255, MPriority: 255}, {Address: ip("192.0.2.21"), Priority: 1, Weight: 2}}}
		encode(&lisp.MapRegister{Nonce: 9, Auth: lisp.Auth{KeyID: 1, Algorithm: 2}, Records: []lisp.Record{record, record}})
	}
	return packets
}

// writePcap writes the messages as UDP datagrams over IPv4.
func writePcap(t *testing.T, packets [][]byte) string {
	file := pcap.Header(pcap.IP)
	for _, packet := range packets {
		outer := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP,
			SrcIP: net.IP{192, 0, 2, 10}, DstIP: net.IP{192, 0, 2, 3}}
		udp := &layers.UDP{SrcPort: lisp.ControlPort, DstPort: lisp.ControlPort}
		if err := udp.SetNetworkLayerForChecksum(outer); err != nil {
			t.Fatal(err)
		}
		buf := gopacket.NewSerializeBuffer()
		options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
		if err := gopacket.SerializeLayers(buf, options, outer, udp, gopacket.Payload(packet)); err != nil {
			t.Fatal(err)
		}
		file = pcap.Append(file, time.Unix(0, 0), buf.Bytes())
	}
	path := filepath.Join(t.TempDir(), "control.pcap")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// tsharkMeaning returns what tshark should find in a message.
func tsharkMeaning(t *testing.T, packet []byte) map[string]string {
	of := lisp.PeekType(packet)
	m := newMessage(t, of)
	if err := m.Decode(packet); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"lisp.type": strconv.Itoa(int(of)), "udp.checksum.status": "1"}
	nonce := func(n uint64) { want["lisp.nonce"] = fmt.Sprintf("0x%016x", n) }
	switch m := m.(type) {
	case *lisp.ECM:
		if m.Security {
			return want // tshark does not look behind LISP-SEC data
		}
		inner := tsharkMeaning(t, m.Inner.Message)
		inner["lisp.type"] = "8," + inner["lisp.type"]
		inner["udp.checksum.status"] = "1,1"
		return inner
	case *lisp.MapRequest:
		nonce(m.Nonce)
		want["lisp.records"], want["lisp.irc"] = strconv.Itoa(len(m.Records)), strconv.Itoa(len(m.ITRs)-1)
		var lengths []string
		for _, r := range m.Records {
			lengths = append(lengths, strconv.Itoa(int(r.Prefix.MaskLen)))
		}
		want["lisp.mreq.record.prefix.length"] = strings.Join(lengths, ",")
	case *lisp.MapReply:
		nonce(m.Nonce)
		tsharkRecords(want, m.Records)
	case *lisp.MapRegister:
		nonce(m.Nonce)
		tsharkAuth(want, m.Auth, m.HasXTR, m.XTR)
		tsharkRecords(want, m.Records)
	case *lisp.MapNotify:
		nonce(m.Nonce)
		tsharkAuth(want, m.Auth, m.HasXTR, m.XTR)
		tsharkRecords(want, m.Records)
	case *lisp.MapNotifyAck:
		// tshark knows the type alone
	case *lisp.MapReferral:
		nonce(m.Nonce)
		var records []lisp.Record
		for _, r := range m.Records {
			records = append(records, r.Record)
		}
		tsharkRecords(want, records)
	case *lisp.InfoMessage:
		nonce(m.Nonce)
		tsharkAuth(want, m.Auth, false, lisp.XTR{})
	}
	return want
}

func tsharkAuth(want map[string]string, a lisp.Auth, hasXTR bool, x lisp.XTR) {
	want["lisp.keyid"] = fmt.Sprintf("0x%04x", int(a.KeyID)<<8|int(a.Algorithm)) // RFC 6830's 16-bit field
	want["lisp.authlen"] = strconv.Itoa(len(a.Data))
	if hasXTR {
		want["lisp.xtrid"] = fmt.Sprintf("%x", x.ID)
	}
}

func tsharkRecords(want map[string]string, records []lisp.Record) {
	want["lisp.records"] = strconv.Itoa(len(records))
	columns := map[string][]string{}
	add := func(field string, n int) { columns[field] = append(columns[field], strconv.Itoa(n)) }
	for _, r := range records {
		add("lisp.mapping.eid.masklen", int(r.Prefix.MaskLen))
		add("lisp.mapping.ttl", int(r.TTL))
		add("lisp.mapping.ver", int(r.MapVersion))
		add("lisp.mapping.loccnt", len(r.Locators))
		for _, l := range r.Locators {
			add("lisp.loc.priority", int(l.Priority))
			add("lisp.loc.weight", int(l.Weight))
			add("lisp.loc.multicast_priority", int(l.MPriority))
			add("lisp.loc.multicast_weight", int(l.MWeight))
		}
	}
	for field, values := range columns {
		want[field] = strings.Join(values, ",")
	}
}
