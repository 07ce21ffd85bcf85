package lisp_test

import (
	"net/netip"
	"testing"

	"github.com/corecast/corecast/lisp"
	"pgregory.net/rapid"
)

// What follows draws any message that can be encoded.

func drawIP(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "IPv6") {
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ip6")))
	}
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "ip4")))
}

func drawBytes(t *rapid.T, most int) []byte {
	return rapid.SliceOfN(rapid.Byte(), 0, most).Draw(t, "bytes")
}

// drawAddress draws LCAFs within LCAFs up to depth.
func drawAddress(t *rapid.T, depth int) lisp.Address {
	kinds := 6
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind of address") {
	case 0:
		return lisp.Address{}
	case 1, 2:
		return lisp.Address{IP: drawIP(t)}
	case 3:
		return lisp.Address{IP: drawIP(t), HasInstance: true, InstanceID: rapid.Uint32().Draw(t, "instance-id")}
	case 4:
		name := rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "name")
		return lisp.Address{Raw: append([]byte("\x00\x11"+name), 0)}
	case 5:
		afi := rapid.SampledFrom([]string{"\x00\x06", "\x40\x05"}).Draw(t, "afi")
		return lisp.Address{Raw: append([]byte(afi), rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "mac")...)}
	}
	a, err := lisp.LCAFAddress(drawLCAF(t, depth-1))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func drawAddresses(t *rapid.T, least, most, depth int) []lisp.Address {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) lisp.Address { return drawAddress(t, depth) }), least, most).Draw(t, "addresses")
}

func drawPrefix(t *rapid.T, depth int) lisp.EIDPrefix {
	p := lisp.EIDPrefix{Address: drawAddress(t, depth)}
	most := 255
	if p.IP.IsValid() {
		most = p.IP.BitLen()
	}
	p.MaskLen = uint8(rapid.IntRange(0, most).Draw(t, "mask length"))
	if p.IP.IsValid() {
		masked, err := p.IP.Prefix(int(p.MaskLen))
		if err != nil {
			t.Fatal(err)
		}
		p.IP = masked.Addr()
	}
	return p
}

func drawLCAF(t *rapid.T, depth int) lisp.LCAF {
	address := func() lisp.Address { return drawAddress(t, depth) }
	switch rapid.SampledFrom([]lisp.LCAFType{1, 2, 3, 4, 5, 7, 10, 12, 14, 200}).Draw(t, "type") {
	case lisp.LCAFAFIList:
		return &lisp.AFIList{Addresses: drawAddresses(t, 0, 3, depth)}
	case lisp.LCAFInstanceID:
		l := &lisp.InstanceID{ID: rapid.Uint32().Draw(t, "id"), Address: address()}
		if l.Address.AFI() == lisp.AFINone {
			l.MaskLen = uint8(rapid.IntRange(0, 32).Draw(t, "mask length"))
			l.ID &= ^uint32(0) << (32 - l.MaskLen)
		}
		return l
	case lisp.LCAFASNumber:
		return &lisp.ASNumber{AS: rapid.Uint32().Draw(t, "as"), Address: address()}
	case lisp.LCAFAppData:
		port := rapid.Uint16()
		return &lisp.AppData{TOS: rapid.Uint32Max(1<<24-1).Draw(t, "tos"), Protocol: rapid.Byte().Draw(t, "protocol"),
			LocalLow: port.Draw(t, "port"), LocalHigh: port.Draw(t, "port"), RemoteLow: port.Draw(t, "port"),
			RemoteHigh: port.Draw(t, "port"), Address: address()}
	case lisp.LCAFGeo:
		angle := func(most uint16) lisp.Angle {
			return lisp.Angle{Degrees: rapid.Uint16Max(most).Draw(t, "degrees"),
				Minutes: rapid.ByteMax(59).Draw(t, "minutes"), Seconds: rapid.ByteMax(59).Draw(t, "seconds")}
		}
		return &lisp.Geo{North: rapid.Bool().Draw(t, "N"), East: rapid.Bool().Draw(t, "E"), Latitude: angle(90),
			Longitude: angle(180), Altitude: rapid.Int32().Draw(t, "altitude"), Address: address()}
	case lisp.LCAFNAT:
		return &lisp.NAT{MSPort: rapid.Uint16().Draw(t, "port"), ETRPort: rapid.Uint16().Draw(t, "port"),
			GlobalETR: address(), MS: address(), PrivateETR: address(), RTRs: drawAddresses(t, 0, 2, depth)}
	case lisp.LCAFELP:
		return &lisp.ELP{Hops: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) lisp.Hop {
			return lisp.Hop{Lookup: rapid.Bool().Draw(t, "L"), Probe: rapid.Bool().Draw(t, "P"),
				Strict: rapid.Bool().Draw(t, "S"), Address: drawAddress(t, depth)}
		}), 0, 3).Draw(t, "hops")}
	case lisp.LCAFSourceDest:
		return &lisp.SourceDest{Source: drawPrefix(t, depth), Dest: drawPrefix(t, depth)}
	case lisp.LCAFJSON:
		return &lisp.JSON{Binary: rapid.Bool().Draw(t, "B"), Text: drawBytes(t, 40), Address: address()}
	}
	return &lisp.OpaqueLCAF{Kind: 200, Rsvd2: rapid.Byte().Draw(t, "rsvd2"), Body: drawBytes(t, 40)}
}

func drawRecord(t *rapid.T) lisp.Record {
	flag := rapid.Bool()
	number := rapid.Byte()
	return lisp.Record{Prefix: drawPrefix(t, 2), TTL: rapid.Uint32().Draw(t, "ttl"),
		Action: lisp.Action(rapid.ByteMax(7).Draw(t, "action")), Authoritative: flag.Draw(t, "A"),
		MapVersion: rapid.Uint16Max(4095).Draw(t, "map-version"),
		Locators: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) lisp.Locator {
			return lisp.Locator{Address: drawAddress(t, 2), Priority: number.Draw(t, "priority"),
				Weight: number.Draw(t, "weight"), MPriority: number.Draw(t, "M-priority"), MWeight: number.Draw(t, "M-weight"),
				Local: flag.Draw(t, "L"), Probed: flag.Draw(t, "p"), Reachable: flag.Draw(t, "R")}
		}), 0, 4).Draw(t, "locators")}
}

func drawRecords(t *rapid.T) []lisp.Record {
	return rapid.SliceOfN(rapid.Custom(drawRecord), 0, 4).Draw(t, "records")
}

func drawAuth(t *rapid.T) lisp.Auth {
	return lisp.Auth{KeyID: rapid.Byte().Draw(t, "key id"), Algorithm: lisp.Algorithm(rapid.Byte().Draw(t, "algorithm")),
		Data: drawBytes(t, 40)}
}

// drawXTR draws what the I bit says, and the zero XTR without it.
func drawXTR(t *rapid.T) (bool, lisp.XTR) {
	if !rapid.Bool().Draw(t, "I") {
		return false, lisp.XTR{}
	}
	b := rapid.SliceOfN(rapid.Byte(), 24, 24).Draw(t, "xtr")
	return true, lisp.XTR{ID: [16]byte(b), Site: [8]byte(b[16:])}
}

func drawMessage(t *rapid.T, of lisp.Type) message {
	flag, nonce := rapid.Bool(), rapid.Uint64().Draw(t, "nonce")
	switch of {
	case lisp.TypeMapRequest:
		m := &lisp.MapRequest{Authoritative: flag.Draw(t, "A"), Probe: flag.Draw(t, "P"), SMR: flag.Draw(t, "S"),
			PITR: flag.Draw(t, "p"), SMRInvoked: flag.Draw(t, "s"), LocalXTR: flag.Draw(t, "L"), DontReply: flag.Draw(t, "D"),
			Nonce: nonce, Source: drawAddress(t, 2), ITRs: drawAddresses(t, 1, 32, 1),
			Records: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) lisp.EIDRecord {
				return lisp.EIDRecord{Prefix: drawPrefix(t, 2), Notify: flag.Draw(t, "N")}
			}), 1, 4).Draw(t, "records")}
		m.HasXTR, m.XTR = drawXTR(t)
		if m.HasMapping = flag.Draw(t, "M"); m.HasMapping {
			m.Mapping = drawRecord(t)
		}
		return m
	case lisp.TypeMapReply:
		m := &lisp.MapReply{Probe: flag.Draw(t, "P"), EchoNonce: flag.Draw(t, "E"), Security: flag.Draw(t, "S"),
			Nonce: nonce, Records: drawRecords(t)}
		if m.Security {
			m.Auth = drawBytes(t, 40)
		}
		return m
	case lisp.TypeMapRegister:
		m := &lisp.MapRegister{ProxyReply: flag.Draw(t, "P"), Security: flag.Draw(t, "S"), EIDNotify: flag.Draw(t, "E"),
			UseTTL: flag.Draw(t, "T"), Merge: flag.Draw(t, "a"), WantNotify: flag.Draw(t, "M"), Nonce: nonce,
			Auth: drawAuth(t), Records: drawRecords(t)}
		m.HasXTR, m.XTR = drawXTR(t)
		return m
	case lisp.TypeMapNotify:
		m := &lisp.MapNotify{Nonce: nonce, Auth: drawAuth(t), Records: drawRecords(t)}
		m.HasXTR, m.XTR = drawXTR(t)
		return m
	case lisp.TypeMapNotifyAck:
		m := &lisp.MapNotifyAck{Nonce: nonce, Auth: drawAuth(t), Records: drawRecords(t)}
		m.HasXTR, m.XTR = drawXTR(t)
		return m
	case lisp.TypeMapReferral:
		return &lisp.MapReferral{Nonce: nonce, Records: rapid.SliceOfN(rapid.Custom(drawReferral), 0, 3).Draw(t, "records")}
	case lisp.TypeInfo:
		return &lisp.InfoMessage{Reply: flag.Draw(t, "R"), Nonce: nonce, Auth: drawAuth(t),
			TTL: rapid.Uint32().Draw(t, "ttl"), Prefix: drawPrefix(t, 2), Address: drawAddress(t, 2)}
	}
	m := &lisp.ECM{DDT: flag.Draw(t, "D"), ToETR: flag.Draw(t, "E"), ToMapServer: flag.Draw(t, "M")}
	src, dst := drawIP(t), drawIP(t)
	if src.Is4() != dst.Is4() {
		dst = src
	}
	m.Inner = lisp.Inner{Src: netip.AddrPortFrom(src, rapid.Uint16().Draw(t, "port")),
		Dst: netip.AddrPortFrom(dst, rapid.Uint16().Draw(t, "port")), Message: drawBytes(t, 200)}
	if m.Security = flag.Draw(t, "S"); m.Security {
		key := drawBytes(t, 40)
		m.Auth = append([]byte{1, 0, 0, 1, 0, byte(len(key)), 1, 1}, key...)
		m.Auth = append(m.Auth, 0, 5, 0, 1, 0xee)
	}
	return m
}

func drawReferral(t *rapid.T) lisp.ReferralRecord {
	return lisp.ReferralRecord{Record: drawRecord(t), Incomplete: rapid.Bool().Draw(t, "I"),
		Signatures: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) lisp.Signature {
			number := rapid.Uint32()
			return lisp.Signature{OriginalTTL: number.Draw(t, "ttl"), Expiration: number.Draw(t, "expiration"),
				Inception: number.Draw(t, "inception"), KeyTag: rapid.Uint16().Draw(t, "key tag"),
				Algorithm: rapid.Byte().Draw(t, "algorithm"), Data: drawBytes(t, 40)}
		}), 0, 3).Draw(t, "signatures")}
}

// controlTypes are all types of messages.
func controlTypes() []lisp.Type {
	return []lisp.Type{lisp.TypeMapRequest, lisp.TypeMapReply, lisp.TypeMapRegister, lisp.TypeMapNotify,
		lisp.TypeMapNotifyAck, lisp.TypeMapReferral, lisp.TypeInfo, lisp.TypeECM}
}

// What is encoded decodes to itself, whatever the message held before.
func TestControlProperty(t *testing.T) {
	for _, of := range controlTypes() {
		t.Run(of.String(), func(t *testing.T) {
			used := newMessage(t, of)
			rapid.Check(t, func(r *rapid.T) {
				m := drawMessage(r, of)
				packet, err := m.Append([]byte("x"))
				if err != nil {
					r.Fatal(err)
				}
				if err := used.Decode(packet[1:]); err != nil || describe(used) != describe(m) {
					r.Fatalf("got  %s, %v\nwant %s", describe(used), err, describe(m))
				}
			})
		})
	}
}

func TestLCAFProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := drawLCAF(r, 3)
		a, err := lisp.LCAFAddress(l)
		if err != nil {
			r.Fatal(err)
		}
		again, err := lisp.ParseLCAF(a)
		if err != nil || describeLCAF(again) != describeLCAF(l) {
			r.Fatalf("got  %s, %v\nwant %s", describeLCAF(again), err, describeLCAF(l))
		}
	})
}
