package store

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Commit implements Store.
func (s *Etcd) Commit(ctx context.Context, txn Txn) (r Revision, err error) {
	if err := txn.check(); err != nil {
		return 0, err
	}
	txn.Then = lastOfEach(txn.Then)
	conditions, onConflict := s.conditions(txn.If)
	operations := s.operations(txn.Then)
	err = s.write(ctx, func(ctx context.Context) error {
		answer, err := s.client.Txn(ctx).If(conditions...).Then(operations...).Else(onConflict...).Commit()
		switch {
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			return fmt.Errorf("%s: %w", leasesOf(txn), ErrNoLease)
		case err != nil:
			return err
		case !answer.Succeeded:
			return s.conflict(txn.If, answer)
		}
		r = Revision(answer.Header.Revision)
		s.history.expect(r)
		return nil
	})
	return r, err
}

// conditions are a transaction's, and the schema's; and what to read if one does
// not hold, in the same order.
func (s *Etcd) conditions(list []Condition) ([]clientv3.Cmp, []clientv3.Op) {
	conditions, onConflict := []clientv3.Cmp{s.schemaIs(s.schema)}, []clientv3.Op{clientv3.OpGet(s.schemaKey())}
	for _, c := range list {
		conditions = append(conditions, clientv3.Compare(clientv3.ModRevision(s.key(c.Key)), "=", int64(c.Modified)))
		onConflict = append(onConflict, clientv3.OpGet(s.key(c.Key), clientv3.WithKeysOnly()))
	}
	return conditions, onConflict
}

func (s *Etcd) operations(list []Op) (operations []clientv3.Op) {
	for _, op := range list {
		if op.Delete {
			operations = append(operations, clientv3.OpDelete(s.key(op.Key)))
		} else {
			operations = append(operations, clientv3.OpPut(s.key(op.Key), string(op.Value), clientv3.WithLease(clientv3.LeaseID(op.Lease))))
		}
	}
	return operations
}

// conflict is why a transaction was not done.
func (s *Etcd) conflict(list []Condition, answer *clientv3.TxnResponse) error {
	schema := answer.Responses[0].GetResponseRange()
	text := ""
	if len(schema.Kvs) > 0 {
		text = string(schema.Kvs[0].Value)
	}
	if text != s.schema {
		return fmt.Errorf("store %s: %w: it was %s when it was opened, and is %s now: restart with the newest corecast",
			s.url.name(), ErrSchema, describeSchema(s.schema), describeSchema(text))
	}
	for i, c := range list {
		var found Revision
		if kvs := answer.Responses[i+1].GetResponseRange().Kvs; len(kvs) > 0 {
			found = Revision(kvs[0].ModRevision)
		}
		if found != c.Modified {
			return &ConflictError{Condition: c, Found: found}
		}
	}
	return fmt.Errorf("store %s: a transaction was refused whose conditions hold", s.url.name())
}

// leasesOf names the leases of a transaction.
func leasesOf(txn Txn) string {
	for _, op := range txn.Then {
		if op.Lease != 0 && !op.Delete {
			return fmt.Sprintf("%s: lease %d", op.Key, op.Lease)
		}
	}
	return "no lease"
}
