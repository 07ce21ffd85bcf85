package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/corecast/corecast/store"
)

// Publish puts what this node says of switches where all nodes see it, for as long
// as it masters them; of switches that it does not it says nothing.
func (c *Cluster) Publish(ctx context.Context, status map[string][]byte) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.TTL)
	defer cancel()
	created := map[string]store.Revision{}
	c.mu.Lock()
	if c.lease == nil {
		c.mu.Unlock()
		return errors.New("not part of the cluster")
	}
	lease := c.lease.id
	for name := range status {
		if h := c.view.holders[name]; h.lease == lease && !c.releasing[name] {
			created[name] = h.created
		}
	}
	c.mu.Unlock()
	var errs []error
	for names := range slices.Chunk(slices.Sorted(maps.Keys(created)), batch) {
		errs = append(errs, c.commitEach(ctx, names, func(txn *store.Txn, name string) {
			txn.If = append(txn.If, store.Condition{Key: switchKeys + name, Modified: created[name]})
			txn.Then = append(txn.Then, store.Op{Key: statusKeys + name, Value: status[name], Lease: lease})
		}))
	}
	return errors.Join(errs...)
}

// Published is what the master of a switch has published of it last; nil if there
// is no master, or it has not.
func (c *Cluster) Published(name string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.status[name]
}
