package udp_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/store"
)

var (
	rlocOld = mustAddr("192.0.2.21")
	rlocNew = mustAddr("192.0.2.22")
)

// An xTR registers EIDs of both families, is notified, and others find them.
func TestRegisterAndAsk(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			server := start(t, f, []mapserver.Site{studio()}, mapserver.Options{})
			x := newXTR(t, server.at, nil)
			mustRegister(t, x, client.Mapping(mustEID("10.1.0.0/16"), rlocOld, mustAddr("2001:db8:a::1")),
				client.Mapping(mustEID("2001:db8:1:2::/64"), rlocNew))
			a := lig(t, server.at, mustEID("10.1.2.3"))
			if a.From != server.at {
				t.Errorf("%s answered, not %s", a.From, server.at)
			}
			r, ok := a.Find(mustEID("10.1.2.3"))
			if !ok || len(r.Locators) != 2 || r.Locators[0].Address.IP != rlocOld || r.Authoritative || r.Prefix.MaskLen != 16 {
				t.Errorf("%+v", a)
			}
			if r := mappingOf(t, server.at, "2001:db8:1:2::9"); !leadsTo(rlocNew)(r) {
				t.Errorf("%+v", r)
			}
			eventually(t, "all is counted", func() bool {
				s := server.endpoint.Stats()
				return s.Received == 3 && s.Sent == 3 && s.SendFailed+s.SendFull+s.SendShort+s.SendUnroutable == 0
			})
		})
	}
}

// All algorithms, at both lengths.
func TestAlgorithms(t *testing.T) {
	server := start(t, families[0], []mapserver.Site{studio()}, mapserver.Options{})
	for _, algorithm := range []lisp.Algorithm{lisp.AlgorithmSHA1, lisp.AlgorithmSHA256, lisp.AlgorithmSHA256HKDF} {
		for _, truncate := range []bool{false, true} {
			x := newXTR(t, server.at, func(c *client.XTRConfig) { c.Algorithm, c.Truncate = algorithm, truncate })
			mustRegister(t, x, client.Mapping(mustEID("10.1.3.0/24"), rlocOld))
		}
	}
}

// A Map-Register with the wrong key is not answered, changes nothing, and the
// operator can see why.
func TestWrongKey(t *testing.T) {
	server := start(t, families[0], []mapserver.Site{studio()}, mapserver.Options{})
	x := newXTR(t, server.at, func(c *client.XTRConfig) {
		c.Secret, c.Retry = []byte("guessed"), client.Retry{Attempts: 1, Timeout: quick.Timeout}
	})
	err := x.Register(impatient(t), client.Mapping(mustEID("10.1.0.0/16"), rlocNew))
	if !errors.Is(err, client.ErrNoNotify) {
		t.Fatal(err)
	}
	if r := mappingOf(t, server.at, "10.1.2.3"); len(r.Locators) != 0 {
		t.Errorf("it was registered: %+v", r)
	}
	site, ok := server.Site("studio")
	if !ok || len(site.LastRejects) != 1 {
		t.Fatalf("%+v", site)
	}
	reject := site.LastRejects[0]
	if reject.From != x.RLOC() || !strings.Contains(reject.Reason, "key id 1 of site studio") || site.Rejected[reject.Cause] != 1 {
		t.Errorf("%+v, counted %v", reject, site.Rejected)
	}
}

// A holder of a mapping is told when it moves, asks again, and has the new
// RLOC.
func TestMoveSolicitsHolders(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			server := start(t, f, []mapserver.Site{studio()}, mapserver.Options{})
			etr := newXTR(t, server.at, nil)
			itr := etr // IPv6 has one loopback address
			if server.at.Addr().Is4() {
				itr = newXTR(t, server.at, nil)
			}
			eid := mustEID("10.1.2.3")
			mustRegister(t, etr, client.Mapping(mustEID("10.1.0.0/16"), rlocOld))
			if _, err := itr.Resolve(impatient(t), eid); err != nil {
				t.Fatal(err)
			}
			mustRegister(t, etr, client.Mapping(mustEID("10.1.0.0/16"), rlocNew))
			if _, err := itr.Await(impatient(t), eid, leadsTo(rlocNew)); err != nil {
				t.Fatal(err)
			}
			if c := itr.Counts(); c.SMRs == 0 || c.RequestsAfter == 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// A subscriber has the mapping, is told of the new one when it moves and of
// its end, and no more after it unsubscribed.
func TestSubscribe(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			server := start(t, f, []mapserver.Site{studio()}, mapserver.Options{})
			etr := newXTR(t, server.at, nil)
			itr := etr
			if server.at.Addr().Is4() {
				itr = newXTR(t, server.at, nil)
				mustRegister(t, itr, client.Mapping(mustEID("10.1.9.0/24"), rlocOld)) // it shares a key from now on
			}
			eid := mustEID("10.1.2.0/24")
			mustRegister(t, etr, client.Mapping(eid, rlocOld))
			answer, err := itr.Subscribe(impatient(t), eid)
			if err != nil {
				t.Fatal(err)
			}
			if r, ok := answer.Find(eid); !ok || !leadsTo(rlocOld)(r) {
				t.Errorf("%+v", answer)
			}
			mustRegister(t, etr, client.Mapping(eid, rlocNew))
			if _, err := itr.Await(impatient(t), eid, leadsTo(rlocNew)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all Map-Notifies are acknowledged", func() bool { return server.Counters().Unacked == 0 })
			mustRegister(t, etr, client.Withdrawal(eid))
			if _, err := itr.Await(impatient(t), eid, func(r lisp.Record) bool { return len(r.Locators) == 0 }); err != nil {
				t.Fatal(err)
			}
			if err := itr.Unsubscribe(eid); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the subscription is gone", func() bool { return server.Counters().Subscriptions == 0 })
		})
	}
}

// An xTR that nobody knows a key of gets a Map-Reply instead of a
// subscription.
func TestStrangersCannotSubscribe(t *testing.T) {
	server := start(t, families[0], []mapserver.Site{studio()}, mapserver.Options{})
	x := newXTR(t, server.at, nil)
	if _, err := x.Subscribe(impatient(t), mustEID("10.1.2.3")); !errors.Is(err, client.ErrNotSubscribed) {
		t.Error(err)
	}
}

// Where the site's ETRs answer themselves, the Map-Request goes on to one and
// the answer comes from it.
func TestForwarding(t *testing.T) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			server := start(t, f, []mapserver.Site{viewers()}, mapserver.Options{})
			etr := newXTR(t, server.at, func(c *client.XTRConfig) { c.ProxyReply = false })
			for _, prefix := range []string{"[7]10.1.0.0/16", "[7]2001:db8:1::/48"} {
				mustRegister(t, etr, client.Mapping(mustEID(prefix), etr.RLOC().Addr()))
			}
			for n, asked := range []string{"[7]10.1.2.3", "[7]2001:db8:1::5"} {
				a := lig(t, server.at, mustEID(asked))
				r, ok := a.Find(mustEID(asked))
				if a.From != etr.RLOC() || !ok || !r.Authoritative || !leadsTo(etr.RLOC().Addr())(r) {
					t.Errorf("%+v", a)
				}
				if c := etr.Counts(); c.Encapsulated != uint64(n+1) {
					t.Errorf("%+v", c)
				}
			}
		})
	}
}

// What was registered and subscribed is still there after a restart: nobody
// needs to register again, and subscribers are told of the next change.
func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "corecast.db")
	run := func(f family) (server *running, stop func()) {
		kept, err := store.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		server = start(t, f, []mapserver.Site{studio()}, mapserver.Options{Store: kept})
		return server, func() {
			server.stop()
			if err := kept.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	server, stop := run(families[0])
	eid := mustEID("10.1.2.0/24")
	etr, itr := newXTR(t, server.at, nil), newXTR(t, server.at, nil)
	mustRegister(t, etr, client.Mapping(eid, rlocOld))
	mustRegister(t, itr, client.Mapping(mustEID("10.1.9.0/24"), rlocOld))
	if _, err := itr.Subscribe(impatient(t), eid); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the subscription is acknowledged", func() bool { return server.Counters().Unacked == 0 })
	stop()

	server, stop = run(family{listen: server.at.String(), reach: server.at.Addr().String()})
	defer stop()
	if r := mappingOf(t, server.at, "10.1.2.3"); !leadsTo(rlocOld)(r) {
		t.Errorf("after the restart: %+v", r)
	}
	if c := server.Counters(); c.Mappings != 2 || c.Subscriptions != 1 {
		t.Errorf("after the restart: %+v", c)
	}
	mustRegister(t, etr, client.Mapping(eid, rlocNew))
	if _, err := itr.Await(impatient(t), eid, leadsTo(rlocNew)); err != nil {
		t.Error(err)
	}
}
