package dstlist

import "net/netip"

// Word is what a client says of its domain (the paper, section 3.3).
type Word uint8

// What it may say.
const (
	Auto     Word = iota // nothing: what is known of the site decides
	CoreCast             // the domain has a CoreCast ETR
	Unicast              // it has none
)

// Apply returns how a viewer of a site is served who says this, where the site is
// served as is.
func (w Word) Apply(is Delivery) Delivery {
	switch w {
	case CoreCast:
		is.Unicast = false
	case Unicast:
		is.Unicast = true
	}
	return is
}

// Delivery is how a viewer is served. Viewers who are served alike are together
// in the list.
type Delivery struct {
	// RLOC is the locator of the viewer's site. The zero Addr is one that is not
	// known, or makes no difference: the ITR looks it up, or, for Unicast, the
	// routers do.
	RLOC netip.Addr
	// Unicast sends the viewer the media in packets of its own: its site has no
	// CoreCast ETR.
	Unicast bool
}

// compare orders deliveries as rounds serve them: those by unicast last, since
// their packets are the long ones, and otherwise by RLOC.
func (d Delivery) compare(o Delivery) int {
	switch {
	case d.Unicast == o.Unicast:
		return d.RLOC.Compare(o.RLOC)
	case d.Unicast:
		return 1
	}
	return -1
}

// unresolved says whether nothing is known of the viewer's site.
func (d Delivery) unresolved() bool { return !d.Unicast && !d.RLOC.IsValid() }

// Counts are how many viewers are served how, and how many of those changed.
type Counts struct {
	CoreCast   int // in lists with others of their site
	Unicast    int
	Unresolved int // each in a header of its own
	// How often a viewer has changed from one to the other.
	ToCoreCast, ToUnicast uint64
}

// Counts returns the counts of this moment.
func (l *List) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts
	c.CoreCast = len(l.index) - c.Unicast - c.Unresolved
	return c
}

// countLocked notes that a viewer joined (by 1) or left (by -1) a site.
func (l *List) countLocked(d Delivery, by int) {
	if d.Unicast {
		l.counts.Unicast += by
	}
	if d.unresolved() {
		l.counts.Unresolved += by
	}
}
