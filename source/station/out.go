package station

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/corecast/corecast/source"
	"github.com/corecast/corecast/source/itr"
)

// SelfITR as a channel's ITR is a source that does the ITR's work.
const SelfITR = "self"

// sender is how a channel's packets leave the host.
type sender interface {
	source.BatchSender
	PathMTU() int
	Mode() string
	DisableSegmentation() error
	Close() error
}

// selfITR is a source that does the ITR's work.
type selfITR struct {
	*itr.Sender
	*itr.Sockets
}

// Send is the Sender's.
func (s selfITR) Send(packets [][]byte) (int, error) { return s.Sender.Send(packets) }

func (s selfITR) Mode() string { return "to RLOCs, " + s.Sockets.Mode() }

// Close implements sender.
func (s selfITR) Close() error {
	s.Sockets.Close()
	return nil
}

// dial opens what packets leave by.
func (c *channel) dial() (err error) {
	if c.cfg.ITR == SelfITR {
		err = c.dialRLOCs()
	} else {
		c.sender, err = dialReserved(c.cfg.channel())
	}
	if err != nil {
		return err
	}
	if err := c.segmentation(); err != nil {
		return fmt.Errorf("channel %s: %w", c.cfg.Name, err)
	}
	return nil
}

// dialReserved is DialUDP; the interface is nil where the sender is.
func dialReserved(channel source.Channel) (sender, error) {
	s, err := source.DialUDP(channel)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (c *channel) dialRLOCs() error {
	of := itr.Channel{SourceEID: c.cfg.SourceEID, ReservedEID: c.cfg.ReservedEID, UDPPort: c.cfg.UDPPort,
		InstanceID: c.mappings.InstanceID, Redundancy: c.cfg.Redundancy}
	sockets, err := itr.OpenSockets(of, c.mappings.Address)
	if err != nil {
		return fmt.Errorf("channel %s: %w", c.cfg.Name, err)
	}
	out, err := itr.New(sockets, of)
	if err != nil {
		sockets.Close()
		return fmt.Errorf("channel %s: %w", c.cfg.Name, err)
	}
	if err := sockets.Native(); err != nil {
		c.say("%v", err)
	}
	c.itr.Store(out)
	c.sender = selfITR{out, sockets}
	return nil
}

// itrStats is what the source has done of the ITR's work; nil if it does not.
func (c *channel) itrStats() *itr.Stats {
	out := c.itr.Load()
	if out == nil {
		return nil
	}
	n := out.Stats()
	return &n
}

// towards is an address that the channel's packets go to.
func (s *Station) towards(c *channel) netip.Addr {
	if c.cfg.ITR != SelfITR {
		return c.cfg.ReservedEID
	}
	for _, site := range s.cfg.Sites {
		return site.RLOC
	}
	for _, r := range s.cfg.Mappings.Resolvers {
		if at, err := parseServer(r); err == nil {
			return at.Addr()
		}
	}
	return c.cfg.ReservedEID
}

// ways remembers for a while to which RLOCs the host has a route.
type ways struct {
	mu    sync.Mutex // guards known
	known map[netip.Addr]way
}

type way struct {
	there bool
	until time.Time
}

const (
	wayKept = time.Minute
	maxWays = 1 << 14
)

// to says whether there is a route to an RLOC.
func (w *ways) to(rloc netip.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if k, ok := w.known[rloc]; ok && now.Before(k.until) {
		return k.there
	}
	if w.known == nil || len(w.known) >= maxWays {
		w.known = map[netip.Addr]way{}
	}
	_, err := routeSource(rloc)
	w.known[rloc] = way{err == nil, now.Add(wayKept)}
	return err == nil
}
