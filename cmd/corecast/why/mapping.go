package why

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// mapping finds the viewer's site.
func (w *walker) mapping(ctx context.Context, eid netip.Addr) (*api.Mapping, error) {
	var best *api.Mapping
	for m, err := range w.c.Mappings(ctx, client.MappingFilter{EID: eid.String(), All: true}) {
		if err != nil {
			return nil, err
		}
		if m.EIDPrefix.Contains(eid) && (best == nil || m.EIDPrefix.Bits() > best.EIDPrefix.Bits()) {
			best = &m
		}
	}
	switch {
	case best == nil || best.Site == "" && len(best.Locators) == 0:
		return nil, w.stop("mapping", fmt.Sprintf("%v is in no site's EID-prefix", eid), "corecast site list; then add the prefix to its site")
	case len(best.Locators) == 0:
		return nil, w.stop("mapping", fmt.Sprintf("%v of site %s has no RLOC: nobody has registered it", best.EIDPrefix, best.Site), "corecast site show "+best.Site)
	}
	var rlocs []string
	for _, l := range best.Locators {
		rlocs = append(rlocs, l.Address)
	}
	w.right("mapping", "%v of site %s is behind %s", best.EIDPrefix, best.Site, strings.Join(rlocs, ", "))
	if !best.CoreCast {
		w.right("mapping", "site %s has no CoreCast switch: its viewers get plain unicast from the source", best.Site)
	}
	return best, nil
}
