package node

import (
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/webhook"
	"github.com/corecast/corecast/store"
)

// openWebhooks prepares to tell webhooks of events. Without a store they are told
// of what happens from now on.
func (n *Node) openWebhooks(cfg *config.Config) {
	o := webhook.Options{Hooks: hooks(cfg), Log: webhook.FromLog(n.events), Store: n.store, Logger: n.opts.Logger, TTL: n.opts.LeaseTTL}
	if o.Store == nil {
		o.Store = store.NewMemory()
	}
	n.webhooks = webhook.New(o)
}

// hooks are the webhooks of a configuration.
func hooks(cfg *config.Config) []webhook.Hook {
	var list []webhook.Hook
	for i := range cfg.Webhooks {
		h := &cfg.Webhooks[i]
		hook := webhook.Hook{Name: h.Name, URL: h.URL, Secret: []byte(h.Secret)}
		for _, kind := range h.Events {
			hook.Kinds = append(hook.Kinds, api.EventKind(kind))
		}
		list = append(list, hook)
	}
	return list
}
