package live

import (
	"net/netip"
	"slices"

	"github.com/corecast/corecast/controller"
)

// interval is what was counted between two readings.
type interval struct {
	from, to *reading
	seconds  float64
	rlocs    map[netip.Addr]sent
	transit  float64 // bytes
	unicast  float64
}

// sent is what went to one RLOC.
type sent struct{ copies, headers, transit float64 }

func between(from, to *reading) interval {
	i := interval{from: from, to: to, seconds: to.at.Sub(from.at).Seconds(), rlocs: map[netip.Addr]sent{}}
	for p := range to.Pairs {
		i.addPair(&from.Pairs[p], &to.Pairs[p])
	}
	return i
}

// addPair adds what an ITR sent of one pair.
func (i *interval) addPair(from, to *controller.PairLoad) {
	payload, payloadBytes := difference(from.Events, to.Events, "payload")
	header, headerBytes := difference(from.Events, to.Events, "header")
	size := sizesOf(to.Reserved.Is6(), payload, payloadBytes, header, headerBytes)
	for rloc, now := range to.RLOCs {
		before := from.RLOCs[rloc]
		copies, headers := diff(before.Copies, now.Copies), diff(before.Headers, now.Headers)
		named := i.namedBy(rloc, size.viewers)
		bytes := size.transit(rloc, copies, headers, named)
		s := i.rlocs[rloc]
		i.rlocs[rloc] = sent{s.copies + copies, s.headers + headers, s.transit + bytes}
		i.transit += bytes
		i.unicast += size.unicast(rloc, headers*named)
	}
}

// namedBy is how many viewers a header to an RLOC names: as an ETR of ours
// counted them, else what the ITR saw on average.
func (i *interval) namedBy(rloc netip.Addr, average float64) float64 {
	st := i.etrOf(rloc)
	if st == nil || st.Err != nil {
		return average
	}
	headers := i.stream(st.Switch, "header")
	entries := i.stream(st.Switch, "expanded") + i.stream(st.Switch, "entry_not_local")
	if headers == 0 || entries < headers { // it delivers by multicast, or has not begun
		return average
	}
	return entries / headers
}

// difference is how many packets and bytes an event counted.
func difference(from, to events, event string) (packets, bytes uint64) {
	a, b := from[event], to[event]
	return max(a.Packets, b.Packets) - a.Packets, max(a.Bytes, b.Bytes) - a.Bytes
}

func diff(from, to uint64) float64 { return float64(max(from, to) - from) }

// events counts an event at the ITR.
func (i *interval) events(name string) float64 {
	sum := 0.0
	for p := range i.to.Pairs {
		n, _ := difference(i.from.Pairs[p].Events, i.to.Pairs[p].Events, name)
		sum += float64(n)
	}
	return sum
}

func (i *interval) payloads() float64 { return i.events("payload") }
func (i *interval) headers() float64  { return i.events("header") }
func (i *interval) copies() float64   { return i.events("copy") + i.events("copy_redundant") }

// media is the bytes of the payload packets as viewers get them.
func (i *interval) media() float64 {
	sum := 0.0
	for p := range i.to.Pairs {
		n, bytes := difference(i.from.Pairs[p].Events, i.to.Pairs[p].Events, "payload")
		sum += float64(n) * sizesOf(false, n, bytes, 0, 0).asDelivered()
	}
	return sum
}

// etrOf is the ETR of ours that has an RLOC, or nil.
func (i *interval) etrOf(rloc netip.Addr) *controller.StreamLoad {
	for s := range i.to.Streams {
		if slices.Contains(i.to.Streams[s].RLOCs, rloc) {
			return &i.to.Streams[s]
		}
	}
	return nil
}

// stream counts an event at an ETR; one that could not be read did nothing.
func (i *interval) stream(switchName, event string) float64 {
	from, to := i.from.stream(switchName), i.to.stream(switchName)
	if from == nil || to == nil || from.Err != nil || to.Err != nil {
		return 0
	}
	n, _ := difference(from.Events, to.Events, event)
	return float64(n)
}

// lost is how many packets more an ITR sent to an ETR than that counted.
func (i *interval) lost(st *controller.StreamLoad) float64 {
	from := i.from.stream(st.Switch)
	if from == nil || from.Err != nil {
		return 0
	}
	sum := 0.0
	for _, rloc := range st.RLOCs {
		sum += i.rlocs[rloc].copies + i.rlocs[rloc].headers
	}
	for _, event := range []string{"payload", "payload_repeated", "payload_rejected", "header", "header_unknown", "refused"} {
		sum -= i.stream(st.Switch, event)
	}
	return sum
}
