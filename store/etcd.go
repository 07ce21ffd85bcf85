package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/metadata"
)

// Etcd is a Store in an etcd cluster, which any number of nodes may share. All
// keys are under a prefix of the cluster's:
//
//	PREFIX/meta/schema  the schema, in decimal; "1>2" while a step is under way
//	PREFIX/keys/KEY     a value
//
// Every transaction has the schema for a condition, so that a node of an older
// program can no longer write once a newer one has changed the store.
//
// Requests go to any member that is connected. A request that no member answers
// in time ends with an error; one that cannot have done anything is tried again
// until then.
type Etcd struct {
	client  *clientv3.Client
	url     *etcdURL
	schema  string   // that every transaction has for a condition
	history *history // of the prefix, kept by feed

	closing context.Context // ends with Close
	end     context.CancelFunc
	fed     chan struct{} // closed when feed has ended

	mu     sync.Mutex     // guards closed, and that under is not added to after it
	under  sync.WaitGroup // requests under way
	closed bool
}

var _ Store = (*Etcd)(nil)

// The parts of a prefix.
const (
	keysPart = "keys"
	metaPart = "meta"
)

// Connections are probed, as a member that is cut off says nothing: etcd allows
// no more often.
const (
	probeEvery   = 10 * time.Second
	probeTimeout = 3 * time.Second
)

// reconnect is how a member that is gone is tried again: soon, as nothing goes on
// without.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
	MinConnectTimeout: 3 * time.Second,
}

// OpenEtcd opens the store that an etcd:// URL names. Errors name the cluster and
// what to do, and no password.
func OpenEtcd(ctx context.Context, name string) (*Etcd, error) {
	return openEtcd(ctx, name, known, false)
}

// openEtcd opens a prefix with a schema; one as it is must be there, and stays of
// the schema that it has.
func openEtcd(ctx context.Context, name string, schema schema, asIs bool) (*Etcd, error) {
	u, err := parseEtcdURL(name)
	if err != nil {
		hosts, _, _ := strings.Cut(name, "?")
		if strings.Contains(hosts, "@") {
			hosts = "etcd://…"
		}
		return nil, fmt.Errorf("store %s: %w", hosts, err)
	}
	s, err := dialEtcd(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", u.name(), err)
	}
	at, err := s.prepare(ctx, schema, asIs)
	if err != nil {
		s.end()
		s.client.Close()
		return nil, err
	}
	s.history = newHistory(at)
	go s.feed(at)
	return s, nil
}

// dialEtcd makes a client; the connections come later.
func dialEtcd(ctx context.Context, u *etcdURL) (*Etcd, error) {
	password, err := u.password()
	if err != nil {
		return nil, err
	}
	tls, err := u.tlsConfig()
	if err != nil {
		return nil, err
	}
	scheme := "http://"
	if tls != nil {
		scheme = "https://"
	}
	var endpoints []string
	for _, h := range u.hosts {
		endpoints = append(endpoints, scheme+h)
	}
	s := &Etcd{url: u, fed: make(chan struct{})}
	s.closing, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.client, err = clientv3.New(clientv3.Config{
		Context: s.closing, Endpoints: endpoints, TLS: tls, Username: u.user, Password: password,
		DialTimeout: u.timeout, DialKeepAliveTime: probeEvery, DialKeepAliveTimeout: probeTimeout,
		Logger:      zap.NewNop(), // what fails is returned
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(noteOutcome), grpc.WithConnectParams(reconnect)},
	})
	if err != nil {
		s.end()
		return nil, s.explain(err)
	}
	return s, nil
}

// key is a key of the cluster.
func (s *Etcd) key(key string) string { return s.url.prefix + "/" + keysPart + "/" + key }

// entry is what an answer of etcd says of a key.
func (s *Etcd) entry(kv *mvccpb.KeyValue) Entry {
	return Entry{
		Key: string(kv.Key[len(s.key("")):]), Value: kv.Value, Lease: LeaseID(kv.Lease),
		Created: Revision(kv.CreateRevision), Modified: Revision(kv.ModRevision),
	}
}

// Get implements Store.
func (s *Etcd) Get(ctx context.Context, key string) (e Entry, err error) {
	if err := checkKey(key); err != nil {
		return Entry{}, err
	}
	err = s.read(ctx, func(ctx context.Context) error {
		r, err := s.client.Get(ctx, s.key(key))
		if err != nil {
			return err
		}
		s.history.expect(Revision(r.Header.Revision))
		if len(r.Kvs) == 0 {
			return fmt.Errorf("%s: %w", key, ErrNotFound)
		}
		e = s.entry(r.Kvs[0])
		return nil
	})
	return e, err
}

// List implements Store.
func (s *Etcd) List(ctx context.Context, prefix, after string, limit int) (page Page, err error) {
	err = s.read(ctx, func(ctx context.Context) (err error) {
		page, err = s.page(ctx, prefix, after, limit, 0)
		if err == nil {
			s.history.expect(page.Revision)
		}
		return err
	})
	return page, err
}

// page lists at a revision, or at the newest if it is 0.
func (s *Etcd) page(ctx context.Context, prefix, after string, limit int, at Revision) (Page, error) {
	from := s.key(prefix)
	if after != "" && after >= prefix {
		from = s.key(after) + "\x00"
	}
	r, err := s.client.Get(ctx, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(s.key(prefix))),
		clientv3.WithLimit(int64(limit)), clientv3.WithRev(int64(at)))
	if err != nil {
		return Page{}, err
	}
	page := Page{Revision: Revision(r.Header.Revision), More: r.More}
	for _, kv := range r.Kvs {
		page.Entries = append(page.Entries, s.entry(kv))
	}
	return page, nil
}

// Snapshot implements Store. etcd keeps what there was at a revision until it is
// compacted.
func (s *Etcd) Snapshot(ctx context.Context, read func(Revision, iter.Seq2[Entry, error]) error) error {
	first, err := s.List(ctx, "", "", listPage)
	if err != nil {
		return err
	}
	return read(first.Revision, func(yield func(Entry, error) bool) {
		for page := first; ; {
			for _, e := range page.Entries {
				if !yield(e, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			after := page.Entries[len(page.Entries)-1].Key
			err := s.read(ctx, func(ctx context.Context) (err error) {
				page, err = s.page(ctx, "", after, listPage, first.Revision)
				return err
			})
			if err != nil {
				yield(Entry{}, err)
				return
			}
		}
	})
}

// Grant implements Store.
func (s *Etcd) Grant(ctx context.Context, ttl time.Duration) (id LeaseID, err error) {
	if err := checkTTL(ttl); err != nil {
		return 0, err
	}
	err = s.read(ctx, func(ctx context.Context) error { // one that gets lost expires
		r, err := s.client.Grant(ctx, int64(math.Ceil(ttl.Seconds())))
		if err == nil {
			id = LeaseID(r.ID)
		}
		return err
	})
	return id, err
}

// Renew implements Store.
func (s *Etcd) Renew(ctx context.Context, id LeaseID) error {
	return s.read(ctx, func(ctx context.Context) error {
		// A member that is asked to have a leader answers at once if it has
		// none, and the client asks it again without a pause.
		ctx = metadata.NewOutgoingContext(ctx, nil)
		_, err := s.client.KeepAliveOnce(ctx, clientv3.LeaseID(id))
		return leaseError(id, err)
	})
}

// Revoke implements Store.
func (s *Etcd) Revoke(ctx context.Context, id LeaseID) error {
	return s.write(ctx, func(ctx context.Context) error {
		r, err := s.client.Revoke(ctx, clientv3.LeaseID(id))
		if err == nil {
			s.history.expect(Revision(r.Header.Revision))
		}
		return leaseError(id, err)
	})
}

// Close implements Store.
func (s *Etcd) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	s.under.Wait()
	if !first {
		<-s.fed
		return nil
	}
	s.end()
	<-s.fed
	s.history.close()
	if err := s.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("store %s: %w", s.url.name(), err)
	}
	return nil
}
