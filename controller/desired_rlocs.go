package controller

import (
	"net/netip"

	"github.com/corecast/corecast/controller/config"
)

// sourceRLOC is the RLOC of a family that the switch sends from: the port's own
// address if it is one, else the best of the site's on this switch.
func (b *builder) sourceRLOC(port *config.Port, v6 bool) netip.Addr {
	var best config.RLOC
	for _, r := range b.ownRLOCs {
		if r.Address.Is6() != v6 {
			continue
		}
		for _, a := range port.Prefixes() {
			if r.Address == a.Addr() {
				return r.Address
			}
		}
		if !best.Address.IsValid() || r.Priority < best.Priority {
			best = r
		}
	}
	return best.Address
}
