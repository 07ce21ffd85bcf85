package mapserver

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"github.com/corecast/corecast/lisp"
)

// registry is one configuration of sites: which may register what. It does not
// change; SetSites replaces it.
type registry struct {
	sites map[string]*site
	names []string // sorted
	// configs are the sites' configurations, by name.
	configs map[string]*siteConfig
	// authorities find, for each instance, whose an EID is: the site with the
	// longest EID-prefix that covers it.
	authorities map[uint32]*bart.Table[*site]
}

// site is what the server knows of a site as long as one of its name is
// configured.
type site struct {
	name   string
	config atomic.Pointer[siteConfig]
	counts siteCounts
	log    *rejectLog

	mu   sync.Mutex
	xtrs map[lisp.XTR]*xtr // guarded by mu

	mappings int // registered; the database's lock guards it
}

type siteCounts struct {
	registers, records, withdrawals, notifies atomic.Uint64
	requests, forwarded, changes              atomic.Uint64
	lastRegister                              atomic.Int64 // nanoseconds since 1970
	rejected                                  [numCauses]atomic.Uint64
	turn                                      atomic.Uint32 // which xTR is next to be forwarded to
}

// siteConfig is a Site with its keys ready.
type siteConfig struct {
	Site
	keys    []siteKey
	timeout time.Duration
	allowed bart.Lite // AllowedLocators
}

type siteKey struct {
	id        uint8
	algorithm lisp.Algorithm
	key       *lisp.Key
}

// xtr is one xTR of a site, by its xTR-ID and Site-ID; those that send none are
// one.
type xtr struct {
	id     lisp.XTR
	site   *site
	lapsed atomic.Bool // it did not acknowledge a Map-Notify

	// mu orders the xTR's Map-Registers, and guards what follows. It comes
	// before Server.mu.
	mu   sync.Mutex
	from netip.AddrPort
	last time.Time
	seen []keyNonce // the last nonce, for each key
	auth lastAuth
}

// keyNonce is the nonce that came last with a key, and the start of that
// message's authentication data, which tells a repetition from a replay.
type keyNonce struct {
	keyID uint8
	nonce uint64
	data  [12]byte
}

// lastAuth is how an xTR authenticated itself last: so are messages to it, if
// the key is configured still.
type lastAuth struct {
	keyID     uint8 // in the message
	algorithm lisp.Algorithm
	size      int
	by        uint8     // the configured key's id: it may be another, if keyID is 0
	key       *lisp.Key // that key; authOf finds out whether it still is one
}

// sameWay reports whether two messages are authenticated by the same key, and have
// the same authentication field but for its data.
func (a lastAuth) sameWay(b lastAuth) bool {
	a.key, b.key = nil, nil
	return a == b
}

// keyOf returns the key of an authentication as it is configured; nil if it is
// not any more.
func (c *siteConfig) keyOf(a lastAuth) *lisp.Key {
	for _, k := range c.keys {
		if k.id == a.by && (k.algorithm == lisp.AlgorithmNone || k.algorithm == a.algorithm) {
			return k.key
		}
	}
	return nil
}

// newRegistry checks a configuration and makes it ready. Sites that were in the
// one before keep what is known of them; they take their new configuration in
// activate.
func newRegistry(sites []Site, before *registry) (*registry, error) {
	r := &registry{
		sites: map[string]*site{}, configs: map[string]*siteConfig{}, authorities: map[uint32]*bart.Table[*site]{},
	}
	for i := range sites {
		if err := r.add(&sites[i], before); err != nil {
			return nil, err
		}
	}
	r.names = slices.Sorted(maps.Keys(r.sites))
	return r, nil
}

func (r *registry) add(conf *Site, before *registry) error {
	if err := conf.check(); err != nil {
		return err
	}
	if r.sites[conf.Name] != nil {
		return fmt.Errorf("two sites are named %q: give each its own name", conf.Name)
	}
	s := before.sites[conf.Name]
	if s == nil {
		s = &site{name: conf.Name, log: newRejectLog(), xtrs: map[lisp.XTR]*xtr{}}
	}
	r.sites[conf.Name], r.configs[conf.Name] = s, compileSite(conf)
	t := r.authorities[conf.InstanceID]
	if t == nil {
		t = new(bart.Table[*site])
		r.authorities[conf.InstanceID] = t
	}
	for _, p := range conf.EIDPrefixes {
		if other, taken := t.Get(p); taken {
			return fmt.Errorf("EID-prefix %s belongs to site %q and to site %q: give it to one of them",
				lisp.EID{InstanceID: conf.InstanceID, Prefix: p}, other.name, conf.Name)
		}
		t.Insert(p, s)
	}
	return nil
}

// activate gives the sites their configuration.
func (r *registry) activate() {
	for name, s := range r.sites {
		s.config.Store(r.configs[name])
	}
}

// retire takes the keys of sites that are not in another registry, and reports
// whether there are any.
func (r *registry) retire(after *registry) (some bool) {
	for name, s := range r.sites {
		if after.sites[name] == nil {
			s.config.Store(&siteConfig{Site: Site{Name: name}})
			some = true
		}
	}
	return some
}

func compileSite(conf *Site) *siteConfig {
	c := &siteConfig{Site: *conf, timeout: orDefault(conf.Timeout, registrationTimeout)}
	c.EIDPrefixes, c.RLOCs = slices.Clone(conf.EIDPrefixes), slices.Clone(conf.RLOCs)
	c.MaxMappings = orDefault(conf.MaxMappings, defaultMaxMappings)
	for _, k := range conf.Keys {
		c.keys = append(c.keys, siteKey{k.ID, k.Algorithm, lisp.NewKey(k.Secret)})
	}
	c.Keys = nil // the secrets are in keys
	for _, p := range conf.AllowedLocators {
		c.allowed.Insert(p.Masked())
	}
	return c
}

// authority returns whose an EID-prefix is, and by which configured prefix; nil
// if it is nobody's.
func (r *registry) authority(eid lisp.EID) (*site, netip.Prefix) {
	t := r.authorities[eid.InstanceID]
	if t == nil {
		return nil, netip.Prefix{}
	}
	p, s, _ := t.LookupPrefixLPM(eid.Prefix)
	return s, p
}

// mayRegister reports whether a site's xTRs may register an EID-prefix.
func (r *registry) mayRegister(s *site, eid lisp.EID) bool {
	owner, p := r.authority(eid)
	return owner == s && (p == eid.Prefix || s.config.Load().AcceptMoreSpecifics)
}

// candidates returns the keys that a message may be authenticated with, or why
// there are none.
func (c *siteConfig) candidates(auth *lisp.Auth, buf []siteKey) ([]siteKey, cause) {
	found := false
	for _, k := range c.keys {
		if k.id != auth.KeyID {
			continue
		}
		found = true
		if k.algorithm == lisp.AlgorithmNone || k.algorithm == auth.Algorithm {
			buf = append(buf, k)
		}
	}
	if !found && auth.KeyID == 0 { // an xTR with the 16-bit key id of RFC 6830
		for _, k := range c.keys {
			found = true
			if k.algorithm == lisp.AlgorithmNone || k.algorithm == auth.Algorithm {
				buf = append(buf, k)
			}
		}
	}
	switch {
	case len(buf) > 0:
		return buf, 0
	case found:
		return nil, causeAlgorithm
	}
	return nil, causeUnknownKey
}

// xtr returns what is known of an xTR, and makes it known if there is room.
func (s *site) xtr(id lisp.XTR, most int) *xtr {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.xtrs[id]
	if x == nil && len(s.xtrs) < most {
		x = &xtr{id: id, site: s}
		s.xtrs[id] = x
	}
	return x
}

// knownXTR returns what is known of an xTR, or nil.
func (s *site) knownXTR(id lisp.XTR) *xtr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.xtrs[id]
}
