package mapserver

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
)

// vectors are exchanges written down from the diagrams of RFC 9301 and RFC 8060
// and computed without this repository's codec, in order: each packet that
// comes, and what is sent on it.
var vectors = []struct {
	name     string
	from, to string
	came     string
	sent     string
}{
	{
		// P, M; 1 record; nonce; key id 1, algorithm 2, 16 bytes; TTL 60, 2 locators, /16, A;
		// 10.1.0.0; 2001:db8::10 with L and R, 192.0.2.10.
		name: "Map-Register, HMAC-SHA-256-128, and its Map-Notify", from: "192.0.2.10:61000", to: "192.0.2.10:4342",
		came: `38000101 1122334455667788 01020010 9c173f706a808729e13e777ac28186f5
			0000003c 02101000 00000001 0a010000
			0164ff00 00050002 20010db8000000000000000000000010
			0232ff00 00050001 c000020a`,
		sent: `40000001 1122334455667788 01020010 43dcc3aeb6824bb85134fe2115e8a3ec
			0000003c 02101000 00000001 0a010000
			0164ff00 00050002 20010db8000000000000000000000010
			0232ff00 00050001 c000020a`,
	},
	{
		// ECM; IPv4 10.9.0.5 to 10.1.2.3, UDP 50505 to 4342; Map-Request with IRC 1: source EID 10.9.0.5,
		// ITR-RLOCs 2001:db8::50 and 192.0.2.50. The reply: A and L clear, IPv4 first.
		name: "Map-Request and Map-Reply", from: "192.0.2.50:4342", to: "192.0.2.50:50505",
		came: `80000000 4500004e000040004011248e0a0900050a010203 c54910f6003a61d7
			10000101 aabbccdd00112233 00010a090005 000220010db8000000000000000000000050 0001c0000232
			0020 00010a010203`,
		sent: `20000001 aabbccdd00112233
			0000003c 02100000 00000001 0a010000
			0232ff00 00010001 c000020a
			0164ff00 00010002 20010db8000000000000000000000010`,
	},
	{
		// No source EID. The reply: TTL 15, no locators, /13, ACT 1 (Natively-Forward).
		name: "Negative Map-Reply", from: "192.0.2.50:4342", to: "192.0.2.50:50505",
		came: `80000000 45000038000040004011 6571c00002320a090909 c54910f600246eb5
			10000001 0000000000000005 0000 0001c0000232 0020 00010a090909`,
		sent: `20000001 0000000000000005 0000000f 000d2000 00000001 0a080000`,
	},
	{
		// P, I, M; key id 0, algorithm 1: the 16-bit key id 1; 20 bytes; EID in an instance-id LCAF;
		// xTR-ID and Site-ID. The Map-Notify has I too.
		name: "Map-Register, HMAC-SHA-1, instance 7, xTR-ID", from: "192.0.2.10:61000", to: "192.0.2.10:4342",
		came: `3a000101 0000000000000001 00010014 f9881215239c62b8382dfb4e62659a1764b761e6
			000005a0 01300000 00004003 0000022000160000 0007 0002 20010db8000700000000000000000000
			0232ff00 00050001 c000020a
			0102030405060708090a0b0c0d0e0f10 000000000000002a`,
		sent: `48000001 0000000000000001 00010014 e39ca46278d7855369c97abd3b7174a7fba06674
			000005a0 01300000 00004003 0000022000160000 0007 0002 20010db8000700000000000000000000
			0232ff00 00050001 c000020a
			0102030405060708090a0b0c0d0e0f10 000000000000002a`,
	},
	{
		name: "Map-Request for instance 7 by IPv6", from: "[2001:db8::50]:4342", to: "192.0.2.50:50505",
		came: `80000000 60000000003c1140 20010db8000000000000000000000050 20010db8000700000000000000000009 c54910f6003c8a9e
			10000001 0000000000000006 0000 0001c0000232
			0080 4003 0000022000160000 0007 0002 20010db8000700000000000000000009`,
		sent: `20000001 0000000000000006
			000005a0 01300000 00004003 0000022000160000 0007 0002 20010db8000700000000000000000000
			0232ff00 00010001 c000020a`,
	},
}

func TestVectors(t *testing.T) {
	seven := studio()
	seven.Name, seven.InstanceID, seven.EIDPrefixes = "seven", 7, prefixes("2001:db8:7::/48")
	seven.Keys = []Key{{ID: 1, Algorithm: lisp.AlgorithmSHA1, Secret: []byte("sesame")}}
	h := newHarness(t, Options{}, studio(), seven)
	for _, v := range vectors {
		list := h.handle(netip.MustParseAddrPort(v.from), fromHex(t, v.came))
		if len(list) != 1 {
			t.Errorf("%s: %d packets sent; %v %v", v.name, len(list), h.s.Rejects(), h.s.Sites())
			continue
		}
		if got, want := hex.EncodeToString(list[0].payload), hex.EncodeToString(fromHex(t, v.sent)); got != want || list[0].to.String() != v.to {
			t.Errorf("%s: to %s\n got %s\nwant %s", v.name, list[0].to, got, want)
		}
	}
}

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
