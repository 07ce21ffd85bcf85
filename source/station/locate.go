package station

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/gaissmai/bart"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/mappings"
)

// locator knows how viewers are served: by their own word, by what the
// configuration says of their sites, and by their mappings.
type locator struct {
	sites  bart.Table[*Site] // those of the configuration
	client *mappings.Client  // nil without Map-Resolvers
	ways   ways              // for sources that send to RLOCs
}

func newLocator(cfg *Config, say func(string)) (*locator, error) {
	l := new(locator)
	for i := range cfg.Sites {
		for _, p := range cfg.Sites[i].EIDPrefixes {
			l.sites.Insert(p.Masked(), &cfg.Sites[i])
		}
	}
	if len(cfg.Mappings.Resolvers) == 0 {
		return l, nil
	}
	config, err := cfg.Mappings.client()
	if err != nil {
		return nil, err
	}
	config.Say = say
	l.client, err = mappings.New(config)
	return l, err
}

func (l *locator) close() {
	if l != nil && l.client != nil {
		l.client.Close()
	}
}

// find returns how a viewer of a channel is to be served, and whether anything
// is known of its site. What the configuration says counts first.
func (l *locator) find(ch *Channel, v dstlist.Viewer) (to dstlist.Delivery, known bool) {
	if site, ok := l.sites.Lookup(v.EID); ok {
		to, known = dstlist.Delivery{RLOC: site.RLOC, Unicast: site.CoreCast != nil && !*site.CoreCast}, true
	} else if l.client != nil {
		var m mappings.Mapping
		if m, known = l.client.Lookup(v.EID); known {
			to = m.Delivery(m.RLOC(ch.Name, l.usable(ch)))
		}
	}
	if to = v.Word.Apply(to); to.Unicast && ch.ITR != SelfITR {
		to.RLOC = netip.Addr{} // makes no difference, and all are together
	}
	return to, known
}

// usable says which RLOCs a channel's packets can go to: for an ITR, its matter.
func (l *locator) usable(ch *Channel) func(netip.Addr) bool {
	if ch.ITR != SelfITR {
		return nil
	}
	return l.ways.to
}

// How often all viewers are looked at: so that mappings in use are known to be,
// and, when mappings change, not all the time.
const (
	reviewPeriod = time.Minute
	reviewPause  = 20 * time.Millisecond
	reviewShare  = 10 // a tenth of the time is spent on it at most
)

// follow regroups viewers whose mappings change, until ctx ends.
func (l *locator) follow(ctx context.Context, channels []*channel) {
	period := time.NewTicker(reviewPeriod)
	defer period.Stop()
	for {
		select {
		case <-l.client.News():
		case <-period.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		for _, c := range channels {
			c.viewers.Review(func(v dstlist.Viewer) (dstlist.Delivery, bool) { return l.find(c.cfg, v) })
		}
		select {
		case <-time.After(max(reviewPause, reviewShare*time.Since(began))):
		case <-ctx.Done():
			return
		}
	}
}

// Mappings returns what is known of the viewers' mappings; nil without
// Map-Resolvers.
func (s *Station) Mappings() *mappings.Stats {
	if s.locator.client == nil {
		return nil
	}
	n := s.locator.client.Stats()
	return &n
}

// mappingsLine is what there is to say of mappings.
func mappingsLine(n *mappings.Stats) string {
	line := fmt.Sprintf("mappings: %d known, %d with CoreCast", n.Mappings, n.CoreCast)
	if n.Subscribed > 0 {
		line += fmt.Sprintf(", %d subscribed", n.Subscribed)
	}
	if n.Stale > 0 {
		line += fmt.Sprintf(", %d old (no Map-Resolver answers)", n.Stale)
	}
	if d := n.Dropped.Total(); d > 0 {
		line += fmt.Sprintf(", %d messages not taken", d)
	}
	return line
}
