package why

import (
	"fmt"
	"strings"

	"github.com/corecast/corecast/cmd/corecast/trace"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/p4/build"
)

// hop says whether a switch passes on what came to it. What it gives to its
// controller instead is often passed on a little later: that is waited for.
func (w *walker) hop(h *trace.Hop, what string, ch *api.Channel, q Question) error {
	for _, r := range h.Dropped {
		return w.stop("entries", fmt.Sprintf("switch %s drops %s: %s (%s)", h.Switch, what, r.Name, r.Doc), traceCommand(ch, q))
	}
	for _, r := range h.Punted {
		switch r.Name {
		case build.PuntReasons[build.PuntNeighbor].Name:
			return w.neighbor(h)
		case build.PuntReasons[build.PuntMapCacheMiss].Name:
			return w.wait("entries", fmt.Sprintf("switch %s has not been told yet where %v is: it is, with the first packet for it, within 3 s", h.Switch, q.EID),
				fmt.Sprintf("if it stays so while media is sent: corecast lig %v, corecast mapping %v and corecast switch show %s", q.EID, q.EID, h.Switch))
		case build.PuntReasons[build.PuntNewStream].Name:
			return w.wait("entries", fmt.Sprintf("switch %s does not expect the stream: it is let in with its first packet, within 1 s, if the accept_streams of its site allow that", h.Switch),
				fmt.Sprintf("if it stays so while media is sent: corecast switch show %s, then accept_streams with corecast site set", h.Switch))
		}
		return w.stop("entries", fmt.Sprintf("switch %s does not pass on %s: %s (%s)", h.Switch, what, r.Name, r.Doc), traceCommand(ch, q))
	}
	return nil
}

// neighbor says whose MAC address a switch waits for.
func (w *walker) neighbor(h *trace.Hop) error {
	who, how := nextHop(h), "ARP"
	if strings.Contains(who, ":") {
		how = "neighbor discovery"
	}
	return w.wait("neighbor", fmt.Sprintf("switch %s does not know the MAC address of %s yet: it asks by %s when there is a packet for it, and is answered within 3 s or not at all",
		h.Switch, who, how),
		fmt.Sprintf("if it stays so while media is sent: see that %s is up and on the link of %s, or name it in its neighbors: corecast switch show %s", who, h.Switch, h.Switch))
}

// nextHop is the address that no neighbor was found for.
func nextHop(h *trace.Hop) string {
	for i := len(h.Tables) - 1; i >= 0; i-- {
		t := &h.Tables[i]
		if _, address, ok := strings.Cut(t.Key, "address="); ok && !t.Hit && strings.HasPrefix(t.Name, "neighbors") {
			return address
		}
	}
	return "the next hop"
}
