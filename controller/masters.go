package controller

import (
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// Mastership is who masters a switch that several controllers share.
type Mastership struct {
	// ElectionID is that of this controller, where it is the master; zero where
	// it is not. It must be higher than that of whoever was it before.
	ElectionID p4rt.ElectionID
	// By names the controller that masters the switch, empty: none does.
	By string
}

func (m Mastership) ours() bool { return m.ElectionID != p4rt.ElectionID{} }

// SetMasters says which of the configuration's switches are this controller's
// now, when Options.Shared; all others are somebody else's. It returns when the
// sessions with switches that are no longer ours are closed: nothing of ours is
// on the way to them after that. Switches that stay ours under the same election
// id notice nothing.
func (c *Controller) SetMasters(masters map[string]Mastership) error {
	for _, o := range c.resign(masters) {
		o.wait()
	}
	c.desired.Lock()
	defer c.desired.Unlock()
	c.mu.Lock()
	fresh := c.manLocked()
	c.mu.Unlock()
	err := c.build(fresh)
	c.startBuilt(fresh)
	c.notify()
	return desiredErr(err)
}

// resign takes note of who masters what and stops the owners of switches that
// are not ours any more, or under another election id.
func (c *Controller) resign(masters map[string]Mastership) (stopped []*owner) {
	c.desired.Lock()
	defer c.desired.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.masters = masters
	for name, o := range c.owners {
		if masters[name].ElectionID != o.election {
			o.stop()
			delete(c.owners, name)
			stopped = append(stopped, o)
			if sw := c.state.Config.FindSwitch(name); sw != nil {
				c.away[name] = standby(sw, masters[name].By, SwitchStatus{})
			}
		}
	}
	return stopped
}

// mastership is that of a switch of the configuration.
func (c *Controller) mastershipLocked(name string) Mastership {
	if !c.opts.Shared {
		return Mastership{ElectionID: c.opts.ElectionID}
	}
	return c.masters[name]
}

// manLocked makes an owner for each switch of the configuration that is ours and
// has none, and stops those that are no longer named. New owners have no plan yet:
// until startBuilt their switches are away.
func (c *Controller) manLocked() (fresh []*owner) {
	cfg := c.state.Config
	c.order = c.order[:0]
	away := map[string]SwitchStatus{}
	for i := range cfg.Switches {
		sw := &cfg.Switches[i]
		c.order = append(c.order, sw.Name)
		m, o := c.mastershipLocked(sw.Name), c.owners[sw.Name]
		if o != nil && (o.address != sw.Address || o.device != sw.DeviceID) {
			o.stop()
			delete(c.owners, sw.Name)
			o = nil
		}
		switch {
		case !m.ours():
			away[sw.Name] = standby(sw, m.By, c.away[sw.Name])
		case o == nil:
			o = newOwner(c, sw, m)
			away[sw.Name] = o.board.read()
			fresh = append(fresh, o)
		}
	}
	c.away = away
	for name, o := range c.owners {
		if cfg.FindSwitch(name) == nil {
			o.stop()
			delete(c.owners, name)
		}
	}
	return fresh
}

// standby is the status of a switch that another controller masters, or none.
func standby(sw *config.Switch, by string, before SwitchStatus) SwitchStatus {
	s := SwitchStatus{Name: sw.Name, Address: sw.Address, Phase: Standby, Master: by,
		Reason: "mastered by node " + by, Since: before.Since}
	if by == "" {
		s.Reason = "no controller masters it yet"
	}
	if before.Phase != Standby || before.Master != by {
		s.Since = time.Now()
	}
	return s
}

// startBuilt gives switches their new owners and starts them, and lets go of those
// that have no plan: there is nothing that they could tell their switches.
func (c *Controller) startBuilt(fresh []*owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unbuilt := map[string]bool{}
	for _, o := range fresh {
		delete(c.away, o.name)
		if !o.plan.built() {
			unbuilt[o.name] = true
			continue
		}
		c.owners[o.name] = o
		c.startLocked(o)
	}
	kept := c.order[:0]
	for _, name := range c.order {
		if !unbuilt[name] {
			kept = append(kept, name)
		}
	}
	c.order = kept
}
