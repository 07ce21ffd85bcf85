package node

import (
	"fmt"
	"reflect"

	"github.com/corecast/corecast/controller/config"
)

// ReloadCredentials reads tokens and certificates of the REST API again. What
// cannot be used changes nothing.
func (n *Node) ReloadCredentials() error { return n.gate.Reload() }

// Apply makes another complete configuration the node's, while it runs: its
// sites, switches and channels. Registrations that it still allows stay. It is
// refused as a whole if it changes what only a start can change.
func (n *Node) Apply(cfg *config.Config) error {
	n.applying.Lock()
	defer n.applying.Unlock()
	before := n.cfg.Load()
	for _, fixed := range []struct {
		key      string
		old, new any
	}{
		{"listen", before.Listen, cfg.Listen},
		{"store", before.Store, cfg.Store},
		{"node", before.Node, cfg.Node},
		{"tls", before.TLS, cfg.TLS},
		{"auth", before.Auth, cfg.Auth},
		{"map_server", before.MapServer, cfg.MapServer},
	} {
		if !reflect.DeepEqual(fixed.old, fixed.new) {
			return fmt.Errorf("%s has changed, which takes effect at a start only: start the controller again, or take that change back", fixed.key)
		}
	}
	list, err := sites(cfg)
	if err != nil {
		return err
	}
	if err := n.controller.Apply(cfg); err != nil {
		return err
	}
	if err := n.mapServer.SetSites(list); err != nil {
		// What the switches hold follows the Map-Server's sites.
		if back := n.controller.Apply(before); back != nil {
			return fmt.Errorf("%w; and the switches cannot be taken back: %w", err, back)
		}
		return err
	}
	n.cfg.Store(cfg)
	n.feed.reconfigure(cfg)
	if n.cluster != nil {
		n.cluster.SetSwitches(switchNames(cfg))
	}
	return nil
}
