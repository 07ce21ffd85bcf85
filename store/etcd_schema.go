package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// restoring stands for the schema while a backup is being restored.
const restoring = "restoring"

func (s *Etcd) schemaKey() string { return s.url.prefix + "/" + metaPart + "/schema" }

// schemaText is how a schema is stored.
func schemaText(number int) string { return strconv.Itoa(number) }

// stepText is how a schema is stored while the next one is being made of it.
func stepText(from int) string { return fmt.Sprintf("%d>%d", from, from+1) }

func describeSchema(text string) string {
	switch {
	case text == "":
		return "gone"
	case text == restoring:
		return "being restored"
	}
	return "of schema " + text
}

// schemaIs is the condition that the store is of a schema.
func (s *Etcd) schemaIs(text string) clientv3.Cmp {
	return clientv3.Compare(clientv3.Value(s.schemaKey()), "=", text)
}

// errMeanwhile says that another node was faster.
var errMeanwhile = errors.New("another node has changed it meanwhile")

// prepare makes the store one of the schema, unless it is to stay as it is: it
// lays out an empty prefix, and does the steps that are missing. It returns a
// revision at which it is one.
func (s *Etcd) prepare(ctx context.Context, schema schema, asIs bool) (Revision, error) {
	for {
		text, at, err := s.schemaFound(ctx)
		if err != nil {
			return 0, err
		}
		if asIs {
			if text == "" {
				return 0, fmt.Errorf("store %s holds no store: name a prefix that does", s.url.name())
			}
			if from, err := s.stage(schema, text); err != nil || text == schemaText(from) {
				s.schema = text
				return at, err
			}
			return 0, fmt.Errorf("store %s: %w: is %s: wait until that is done", s.url.name(), ErrSchema, describeSchema(text))
		}
		if text == schemaText(schema.number()) {
			s.schema = text
			return at, nil
		}
		if text == "" {
			err = s.layOut(ctx, schema)
		} else {
			err = s.advance(ctx, schema, text)
		}
		if err != nil && !errors.Is(err, errMeanwhile) {
			return 0, err
		}
	}
}

// schemaFound reads the schema and the newest revision.
func (s *Etcd) schemaFound(ctx context.Context) (text string, at Revision, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		r, err := s.client.Get(ctx, s.schemaKey())
		if err != nil {
			return err
		}
		at = Revision(r.Header.Revision)
		if len(r.Kvs) > 0 {
			text = string(r.Kvs[0].Value)
		}
		return nil
	})
	return text, at, err
}

// layOut makes an empty prefix a store.
func (s *Etcd) layOut(ctx context.Context, schema schema) error {
	return s.read(ctx, func(ctx context.Context) error {
		held, err := s.page(ctx, "", "", 1, 0)
		if err != nil {
			return err
		}
		if len(held.Entries) > 0 {
			return fmt.Errorf("store %s: %w: holds keys, such as %q, and does not say of which schema: it is not of CoreCast, or damaged; name another prefix",
				s.url.name(), ErrSchema, held.Entries[0].Key)
		}
		return s.swapSchema(ctx, clientv3.Compare(clientv3.Version(s.schemaKey()), "=", 0), schemaText(schema.number()))
	})
}

// swapSchema writes the schema if a condition holds; errMeanwhile if not.
func (s *Etcd) swapSchema(ctx context.Context, condition clientv3.Cmp, text string) error {
	r, err := s.client.Txn(ctx).If(condition).Then(clientv3.OpPut(s.schemaKey(), text)).Commit()
	if err == nil && !r.Succeeded {
		err = errMeanwhile
	}
	return err
}

// stage reads the schema that a store has, or is being brought from; it must be
// one that this program can take over.
func (s *Etcd) stage(schema schema, text string) (from int, err error) {
	if text == restoring {
		return 0, fmt.Errorf("store %s: %w: a backup is being restored to it: wait, or if that was interrupted, run corecast restore again", s.url.name(), ErrSchema)
	}
	number, _, _ := strings.Cut(text, ">")
	from, err = strconv.Atoi(number)
	if err != nil || text != schemaText(from) && text != stepText(from) {
		return 0, fmt.Errorf("store %s: %w: %s says %q: it is not of CoreCast, or damaged; name another prefix", s.url.name(), ErrSchema, s.schemaKey(), text)
	}
	if text == stepText(from) {
		err = schema.check(from + 1) // an older program must not touch it
	} else {
		err = schema.check(from)
	}
	if err != nil {
		return 0, fmt.Errorf("store %s %w", s.url.name(), err)
	}
	return from, nil
}

// advance does one step, or goes on with one.
func (s *Etcd) advance(ctx context.Context, schema schema, text string) error {
	from, err := s.stage(schema, text)
	if err != nil {
		return err
	}
	return s.step(ctx, schema[from-1], from, text)
}

// step changes the store from a schema to the next, in transactions that each
// leave it fit for another start of the step.
func (s *Etcd) step(ctx context.Context, step step, from int, text string) error {
	under := stepText(from)
	if text != under {
		if err := s.read(ctx, func(ctx context.Context) error { return s.swapSchema(ctx, s.schemaIs(text), under) }); err != nil {
			return err
		}
	}
	after := ""
	for more := true; more; {
		err := s.read(ctx, func(ctx context.Context) error {
			page, err := s.page(ctx, "", after, MaxOps, 0)
			if err != nil {
				return err
			}
			if err := s.stepPage(ctx, step, under, page.Entries); err != nil {
				return err
			}
			if more = page.More; more {
				after = page.Entries[len(page.Entries)-1].Key
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.read(ctx, func(ctx context.Context) error {
		return s.swapSchema(ctx, s.schemaIs(under), schemaText(from+1))
	})
}

// stepPage changes entries, as many at once as a transaction takes.
func (s *Etcd) stepPage(ctx context.Context, step step, under string, entries []Entry) error {
	var txn Txn
	for _, e := range entries {
		ops, err := step.change(e)
		if err != nil {
			return fmt.Errorf("store %s: %w", s.url.name(), err)
		}
		if len(ops) == 0 {
			continue
		}
		next := Txn{If: append(txn.If, Condition{e.Key, e.Modified}), Then: lastOfEach(append(txn.Then, ops...))}
		if next.check() != nil { // too large for one
			if err := s.stepCommit(ctx, under, txn); err != nil {
				return err
			}
			next = Txn{If: []Condition{{e.Key, e.Modified}}, Then: ops}
		}
		txn = next
	}
	return s.stepCommit(ctx, under, txn)
}

func (s *Etcd) stepCommit(ctx context.Context, under string, txn Txn) error {
	if len(txn.Then) == 0 {
		return nil
	}
	conditions, _ := s.conditions(txn.If)
	conditions[0] = s.schemaIs(under)
	r, err := s.client.Txn(ctx).If(conditions...).Then(s.operations(txn.Then)...).Commit()
	if err == nil && !r.Succeeded {
		err = errMeanwhile
	}
	return err
}
