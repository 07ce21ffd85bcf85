package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Watch implements Store.
func (s *Etcd) Watch(ctx context.Context, prefix string, after Revision) iter.Seq2[Change, error] {
	return s.history.watch(ctx, prefix, after)
}

// feedPause is how long feed waits before it watches anew.
const feedPause = 100 * time.Millisecond

// feed keeps the history of the prefix, from one watch of etcd's for all of ours:
// so that a slow reader holds up no one, here and in etcd. While no member
// answers it tries again, for ever.
func (s *Etcd) feed(after Revision) {
	defer close(s.fed)
	for s.closing.Err() == nil {
		err := s.follow(&after)
		if errors.Is(err, rpctypes.ErrCompacted) {
			s.skip(&after)
		}
		select {
		case <-time.After(feedPause):
		case <-s.closing.Done():
		}
	}
}

// follow takes what changes after a revision into the history, until the watch
// ends: as it does when its member loses its leader, or when what comes next was
// compacted away.
func (s *Etcd) follow(after *Revision) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(s.closing))
	defer cancel()
	// Notes of progress let a watch go on, after long silence, from where
	// nothing is compacted.
	watch := s.client.Watch(ctx, s.key(""), clientv3.WithPrefix(), clientv3.WithRev(int64(*after)+1), clientv3.WithProgressNotify())
	for r := range watch {
		if err := r.Err(); err != nil {
			return err
		}
		for len(r.Events) > 0 {
			n := 1
			for n < len(r.Events) && r.Events[n].Kv.ModRevision == r.Events[0].Kv.ModRevision {
				n++
			}
			c := s.change(r.Events[:n])
			s.history.add(c)
			*after = c.Revision
			r.Events = r.Events[n:]
		}
		if r.IsProgressNotify() {
			*after = max(*after, Revision(r.Header.Revision))
		}
	}
	return s.closing.Err()
}

// change is one transaction's.
func (s *Etcd) change(events []*clientv3.Event) Change {
	c := Change{Revision: Revision(events[0].Kv.ModRevision)}
	for _, ev := range events {
		e := s.entry(ev.Kv)
		if ev.Type == clientv3.EventTypeDelete {
			c.Events = append(c.Events, deleted(e.Key, e.Modified))
		} else {
			c.Events = append(c.Events, Event{Entry: e})
		}
	}
	return c
}

// skip goes on from now: etcd has forgotten what there was.
func (s *Etcd) skip(after *Revision) {
	_ = s.read(s.closing, func(ctx context.Context) error { // else follow ends again, and skip comes again
		r, err := s.client.Get(ctx, s.schemaKey())
		if err == nil {
			*after = Revision(r.Header.Revision)
			s.history.forget(*after)
		}
		return err
	})
}
