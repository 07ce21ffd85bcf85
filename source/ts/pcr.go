package ts

// ClockRate is the frequency of the program clock in Hz.
const ClockRate = 27_000_000

// clockModulus is where the program clock wraps: a 33-bit count of 300 ticks.
const clockModulus = (1 << 33) * 300

// ClockReference is a program clock reference (PCR) found in a packet.
type ClockReference struct {
	PID           uint16
	Ticks         uint64 // of 27 MHz, below 2^33 × 300
	Discontinuity bool   // the clock starts afresh here
}

// ReadPCR returns the clock reference of a packet, if it carries one:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------+-+-+-+-------------------------+---+---+-------+
//	|  sync = 0x47  |E|S|T|           PID           |TSC|AFC|  CC   |
//	+---------------+-+-+-+-+-+-+-+-+---------------+---+---+-------+
//	|   AF length   |D|R|P|C|O|S|V|X|        PCR base (33 bits)     |
//	+---------------+-+-+-+-+-+-+-+-+-+-------------+---------------+
//	|           PCR base              |  reserved   |  PCR ext (9)  |
//	+---------------------------------+-------------+---------------+
//
// AFC bit 1 says that there is an adaptation field, D is the discontinuity
// indicator and C says that there is a PCR. Packets marked damaged (E) are not
// believed, nor is an extension of 300 or more.
func ReadPCR(packet []byte) (ClockReference, bool) {
	if len(packet) < PacketSize || packet[0] != syncByte {
		return ClockReference{}, false
	}
	damaged := packet[1]&0x80 != 0
	adaptation := packet[3]&0x20 != 0
	const flagsAndPCR = 1 + 6
	if length := packet[4]; damaged || !adaptation || length < flagsAndPCR || length > PacketSize-5 {
		return ClockReference{}, false
	}
	flags := packet[5]
	if flags&0x10 == 0 {
		return ClockReference{}, false
	}
	p := packet[6:12]
	base := uint64(p[0])<<25 | uint64(p[1])<<17 | uint64(p[2])<<9 | uint64(p[3])<<1 | uint64(p[4])>>7
	extension := uint64(p[4]&1)<<8 | uint64(p[5])
	if extension >= 300 {
		return ClockReference{}, false
	}
	return ClockReference{
		PID:           uint16(packet[1]&0x1f)<<8 | uint16(packet[2]),
		Ticks:         base*300 + extension,
		Discontinuity: flags&0x80 != 0,
	}, true
}
