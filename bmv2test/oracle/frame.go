package oracle

import (
	"slices"

	"github.com/corecast/corecast/p4/build"
)

// What every frame goes through, whatever is in it.

// Receive takes a frame that arrives at a port (build.CPUPort: a packet-out)
// and returns what leaves. The frames are the caller's.
func (s *Switch) Receive(port uint16, frame []byte) []Out {
	s.out = nil
	frame = slices.Clone(frame)
	j := &job{received: len(frame)}
	v := s.enter(j, port, frame)
	if v.punt != 0 {
		v = s.limitPunt(v)
	}
	switch {
	case v.drop != 0:
		s.Drops[v.drop]++
	case v.punt != 0:
		s.Punts[v.punt]++
		if v.reported != nil {
			v.reported()
		}
		head := be.AppendUint16(be.AppendUint16(nil, j.port), uint16(v.punt))
		s.send(build.CPUPort, append(head, j.frame...))
	}
	return s.out
}

func (s *Switch) send(port uint16, frame []byte) { s.out = append(s.out, Out{port, frame}) }

// enter does what the controller asks for, or receives.
func (s *Switch) enter(j *job, port uint16, frame []byte) *verdict {
	if port == build.CPUPort && len(frame) >= 4 {
		target, mode := be.Uint16(frame), be.Uint16(frame[2:])
		switch mode {
		case build.OutSend:
			s.send(target, frame[4:])
			return done
		case build.OutReceive:
			return s.receive(j, target, frame[4:])
		}
		return drop(build.DropPacketOut)
	}
	return s.receive(j, port, frame)
}

// receive admits a frame that enters by a port.
func (s *Switch) receive(j *job, port uint16, frame []byte) *verdict {
	p, known := s.Config.Ports[port]
	if !known {
		s.hit("ports", "unknown_port")
		return drop(build.DropUnknownPort)
	}
	s.hit("ports", "port")
	j.frame, j.port, j.role, j.mac, j.portInst = frame, port, p.Role, p.MAC, p.Instance
	if p.Role == build.RoleLoop {
		if !j.resume() {
			return drop(build.DropLoopFrame)
		}
		return s.judge(j)
	}
	if len(frame) < build.EthernetBytes {
		return drop(build.DropTruncated)
	}
	etherType := be.Uint16(frame[12:])
	packet, isIP := asIP(etherType == build.EthertypeIPv6, frame[build.EthernetBytes:])
	isIP = isIP && (etherType == build.EthertypeIPv4 || etherType == build.EthertypeIPv6)
	short := !isIP && (etherType == build.EthertypeIPv4 || etherType == build.EthertypeIPv6)
	if etherType == build.EthertypeLoop {
		if len(frame) >= build.EthernetBytes+build.LoopBytes {
			return drop(build.DropLoopFrame)
		}
		short = true
	}
	switch {
	case etherType == build.EthertypeARP:
		return punt(build.PuntARP)
	case isIP && packet.v6 && frame[0] == 0x33 && frame[1] == 0x33 && packet.protocol() == build.IpprotoIcmpv6:
		return punt(build.PuntNd)
	case [6]byte(frame) != j.mac:
		return drop(build.DropNotOurMAC)
	case short:
		return drop(build.DropTruncated)
	case !isIP:
		return drop(build.DropNotIP)
	}
	return s.judge(j)
}

// resume makes of a frame that went round the loop the job it was. It returns
// false for a frame that is not of our making.
func (j *job) resume() bool {
	f := j.frame
	start := build.EthernetBytes + build.LoopBytes
	if len(f) < start || be.Uint16(f[12:]) != build.EthertypeLoop {
		return false
	}
	loop := f[build.EthernetBytes:]
	etherType := be.Uint16(loop)
	j.pads = int(loop[4] & 0xF)
	if j.pads != 2 && j.pads != 4 || len(f) < start+j.pads*build.PadBytes {
		return false
	}
	rest := f[start+j.pads*build.PadBytes:]
	if etherType != build.EthertypeIPv4 && etherType != build.EthertypeIPv6 {
		return false
	}
	if _, ok := asIP(etherType == build.EthertypeIPv6, rest); !ok {
		return false
	}
	j.port, j.role = be.Uint16(loop[2:]), loop[4]>>4
	j.portInst = uint32(loop[5])<<16 | uint32(loop[6])<<8 | uint32(loop[7])
	j.frame = slices.Concat(f[:12], loop[:2], rest)
	return true
}

// judge takes an IP packet for us apart and hands it to whom it concerns.
func (s *Switch) judge(j *job) *verdict {
	j.ip, _ = asIP(be.Uint16(j.frame[12:]) == build.EthertypeIPv6, j.frame[build.EthernetBytes:])
	j.instance = j.portInst
	if v := checkIP(j.ip); v != nil {
		return v
	}
	j.ttl = j.ip.ttl()
	if v := s.decapsulate(j); v != nil {
		return v
	}
	if v := s.findMember(j); v != nil {
		return v
	}
	if j.member != nil {
		return s.coreCast(j)
	}
	return s.ordinary(j)
}

// checkIP checks that the first IP header agrees with the frame around it.
func checkIP(p ip) *verdict {
	switch {
	case !p.v6 && (p.version() != 4 || p.ihl() < 5 || p.size() < build.IPv4Bytes):
		return drop(build.DropBadIP)
	case !p.v6 && p.ihl() > 5:
		return drop(build.DropIPOptions)
	case p.v6 && p.version() != 6:
		return drop(build.DropBadIP)
	case p.trailing() < 0:
		return drop(build.DropTruncated)
	case !p.headerSumRight():
		return drop(build.DropBadIP)
	}
	return nil
}

// decapsulate opens LISP data packets to one of our RLOCs.
func (s *Switch) decapsulate(j *job) *verdict {
	outer := j.ip
	if outer.dstPort() != build.LISPDataPort {
		return nil
	}
	if !s.Config.OwnRLOCs[outer.dst()] {
		s.hit("my_rlocs"+family(outer.dst()), "not_ours")
		return nil
	}
	s.hit("my_rlocs"+family(outer.dst()), "own_rloc")
	overhead := outer.headerSize() + build.UDPBytes + build.LISPBytes
	if len(outer.b) < overhead || outer.size() < overhead {
		return drop(build.DropTruncated)
	}
	header, packet := outer.b[overhead-build.LISPBytes:], outer.b[overhead:]
	j.instance = 0
	if header[0]&0x08 != 0 { // I: there is an instance-id
		j.instance = be.Uint32(header[4:]) >> 8
	}
	if len(packet) == 0 {
		return drop(build.DropTruncated)
	}
	if packet[0]>>4 != 4 && packet[0]>>4 != 6 {
		return drop(build.DropBadLISP)
	}
	inner, whole := asIP(packet[0]>>4 == 6, packet)
	if !whole {
		return drop(build.DropTruncated)
	}
	if !inner.v6 && (inner.ihl() != 5 || inner.size() < build.IPv4Bytes) {
		return drop(build.DropBadLISP)
	}
	if outer.size()-overhead < inner.size() {
		return drop(build.DropTruncated)
	}
	if !inner.headerSumRight() {
		return drop(build.DropBadIP)
	}
	if outer.tos()&ecnMask == ecnCE && inner.tos()&ecnMask == build.EcnNotEct {
		return drop(build.DropCongestion)
	}
	j.outer, j.ip = &outer, inner
	j.ttl = min(outer.ttl(), inner.ttl())
	return nil
}
