package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// restoreEtcd fills a prefix. Until it has come to its end the schema is
// "restoring", so that no node opens it and none that has it open can write to it.
func restoreEtcd(ctx context.Context, name string, backup io.Reader, replace bool) error {
	u, err := parseEtcdURL(name)
	if err != nil {
		return err
	}
	s, err := dialEtcd(ctx, u)
	if err != nil {
		return fmt.Errorf("store %s: %w", u.name(), err)
	}
	s.schema, s.history = restoring, newHistory(0)
	close(s.fed) // it has no watches
	defer s.Close()
	if err := s.claim(ctx, replace); err != nil {
		return err
	}
	if err := s.read(ctx, func(ctx context.Context) error {
		_, err := s.client.Delete(ctx, s.key(""), clientv3.WithPrefix())
		return err
	}); err != nil {
		return err
	}
	for ops, err := range restored(backup, known) {
		if err == nil {
			_, err = s.Commit(ctx, Txn{Then: ops})
		}
		if err != nil {
			return err
		}
	}
	return s.read(ctx, func(ctx context.Context) error {
		err := s.swapSchema(ctx, s.schemaIs(restoring), schemaText(known.number()))
		if errors.Is(err, errMeanwhile) {
			return fmt.Errorf("store %s: another restore has ended meanwhile: run this one again if it is to be the last", u.name())
		}
		return err
	})
}

// claim makes the schema "restoring", if the prefix may be filled.
func (s *Etcd) claim(ctx context.Context, replace bool) error {
	text, _, err := s.schemaFound(ctx)
	if err != nil {
		return err
	}
	unchanged := s.schemaIs(text)
	switch text {
	case restoring: // one that was interrupted
		return nil
	case "":
		unchanged = clientv3.Compare(clientv3.Version(s.schemaKey()), "=", 0)
		replace = false // what is there is not ours
	}
	if err := mayReplace(ctx, s, s.url.name(), replace); err != nil {
		return err
	}
	if err := s.unused(ctx); err != nil {
		return err
	}
	return s.read(ctx, func(ctx context.Context) error { return s.swapSchema(ctx, unchanged, restoring) })
}

// unused refuses a store that holds leased keys: nodes are running on it, and
// would withdraw from their switches what is deleted.
func (s *Etcd) unused(ctx context.Context) error {
	for e, err := range All(ctx, s, "") {
		if err != nil {
			return err
		}
		if e.Lease != 0 {
			return fmt.Errorf("store %s is in use: %s has a lease that somebody renews: stop all controllers, and wait until their leases have ended", s.url.name(), e.Key)
		}
	}
	return nil
}
