package bmv2test

import (
	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/p4rt"
)

// masterChanges: a controller takes all switches over from one that hangs on to them,
// and gives one back. Nobody writes what was right, and viewers do not notice.
func masterChanges(n *faultNet) {
	a, _ := n.controller(controller.Options{Shared: true})
	b, _ := n.controller(controller.Options{Shared: true})
	all := map[string]uint64{}
	for i := range n.fig.Config.Switches {
		all[n.fig.Config.Switches[i].Name] = 1
	}
	n.give(a, all)
	n.ready(a)
	n.stream(20, func(i int) {
		switch i {
		case 4: // nobody tells a
			for name := range all {
				all[name] = 2
			}
			n.give(b, all)
			n.ready(b)
		case 9:
			n.give(a, nil)
		case 14:
			delete(all, ITRName)
			n.give(b, all)
			n.give(a, map[string]uint64{ITRName: 3})
			n.ready(a)
		}
	})
	for _, c := range []*controller.Controller{a, b} {
		for _, sw := range c.Status().Switches {
			if sw.Phase != controller.Standby && (sw.Phase != controller.Ready || sw.Updates != 0 || sw.Pipelines != 0) {
				n.Errorf("%s is %s: %d updates, %d programs", sw.Name, sw.Phase, sw.Updates, sw.Pipelines)
			}
		}
	}
}

// give makes a controller the master of switches, with election ids.
func (n *faultNet) give(c *controller.Controller, switches map[string]uint64) {
	n.Helper()
	masters := map[string]controller.Mastership{}
	for i := range n.fig.Config.Switches {
		name := n.fig.Config.Switches[i].Name
		masters[name] = controller.Mastership{ElectionID: p4rt.ElectionID{Low: switches[name]}, By: "another"}
	}
	if err := c.SetMasters(masters); err != nil {
		n.Fatal(err)
	}
}
