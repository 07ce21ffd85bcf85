package node

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/corecast/corecast/controller/config"
)

// ReloadCredentials reads tokens and certificates of the REST API again. What
// cannot be used changes nothing.
func (n *Node) ReloadCredentials() error { return n.gate.Reload() }

// applyTime bounds how long Apply waits for the new whole.
const applyTime = time.Minute

// Apply makes another complete configuration file the node's, while it runs: its
// sites, switches and channels, beside what was made over REST, and its webhooks.
// Registrations that it still allows stay. It is refused as a whole if it changes what only a
// start can change, or does not go with what was made over REST.
func (n *Node) Apply(file *config.Config) error {
	before := n.cfg.Load()
	for _, fixed := range []struct {
		key      string
		old, new any
	}{
		{"listen", before.Listen, file.Listen},
		{"store", before.Store, file.Store},
		{"node", before.Node, file.Node},
		{"tls", before.TLS, file.TLS},
		{"auth", before.Auth, file.Auth},
		{"p4runtime", before.P4Runtime, file.P4Runtime},
		{"map_server", before.MapServer, file.MapServer},
		{"map_cache", before.MapCache, file.MapCache},
	} {
		if !reflect.DeepEqual(fixed.old, fixed.new) {
			return fmt.Errorf("%s has changed, which takes effect at a start only: start the controller again, or take that change back", fixed.key)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), applyTime)
	defer cancel()
	if err := n.inventory.SetFile(ctx, file); err != nil {
		return err
	}
	n.webhooks.Set(hooks(file))
	return n.inventory.Flush(ctx)
}

// apply makes another whole the node's. The inventory calls it, one at a time; what
// changes channels alone is the controller's alone.
func (n *Node) apply(cfg *config.Config) error {
	before := n.cfg.Load().WithChannels(n.controller.Channels())
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
	n.cfg.Store(cfg.WithChannels(nil))
	n.feed.reconfigure(cfg)
	if n.cluster != nil {
		n.cluster.SetSwitches(switchNames(cfg))
	}
	return nil
}
