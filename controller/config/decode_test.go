package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

const example = "../../examples/fig2.yaml"

func TestExample(t *testing.T) {
	cfg, err := Load(example)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Switches) != 4 || len(cfg.Sites) != 4 || len(cfg.Channels) != 1 {
		t.Fatalf("%d switches, %d sites, %d channels", len(cfg.Switches), len(cfg.Sites), len(cfg.Channels))
	}
	if len(cfg.Warnings) != 0 {
		t.Errorf("warnings: %q", cfg.Warnings)
	}
	ch := cfg.Channels[0]
	if ch.Rate != 4e6 || ch.ReservedEID != netip.MustParseAddr("10.0.255.1") || ch.Ingress != (Ingress{"itr", 1}) {
		t.Errorf("channel %+v", ch)
	}
	if r := cfg.Sites[0].RLOCs[0]; r.Priority != 1 || r.Weight != 100 {
		t.Errorf("defaults of an RLOC: %+v", r)
	}
	if got := cfg.Origin("channels[0]"); !strings.HasPrefix(got, example+":") || got == example+":0" {
		t.Errorf("origin %q", got)
	}
}

// An example with every key there is.
func TestEveryKey(t *testing.T) {
	t.Setenv("STUDIO_KEY", "s3cret")
	cfg, err := Decode("c.yaml", []byte(`
listen: { lisp: ["127.0.0.1:4342"], http: "127.0.0.1:8080" }
store: "file:corecast.db"            # or etcd://host:2379,host2:2379/prefix
p4runtime: { ca: d.pem, cert: e.pem, key: f.pem }
tls: { cert: a.pem, key: b.pem, client_ca: c.pem, client_crl: d.pem }
auth: { tokens_file: t, oidc: { issuer: "https://id.example", audience: corecast, role_claim: groups, roles: [ { claim: ops, role: operator } ] }, request_rate: 500 }
webhooks: [ { name: pager, url: "https://pager.example/hook", secret: s3cret, events: [switch.phase, deleted] } ]
map_server: { upstream: ["198.51.100.1:4342", "[2001:db8:ffff::1]:4342"], max_ttl: 12h, request_rate: 1000, register_rate: 5000 }
map_cache: { preinstall: 500, idle: 1h, probe: false, probe_interval: 30s }
switches:
  - name: itr1
    address: "127.0.0.1:9559"
    device_id: 1
    target: softswitch
    site: studio
    ports:                                                     # local | transit | loop
      - { id: 1, role: local, address: 10.0.0.1/24, addresses: ["2001:db8:1::1/64"], channel_rate: 100000 }
      - { id: 2, role: transit, address: 192.0.2.10/24, next_hop: 192.0.2.1, mtu: 1600,
          addresses: ["2001:db8:ffff::10/64"], next_hops: ["2001:db8:ffff::1"] }
      - { id: 3, role: loop, peer: 4 }
    neighbors:                                                 # else ARP/ND
      - { address: 10.0.0.10, mac: "02:00:00:00:00:10" }
      - { address: "2001:db8:1::10", mac: "02:00:00:00:00:10" }
    punt_rates: { map_cache_miss: 200, new_stream: 20, to_us: 50, ttl: 10, neighbor: 30, arp: 40, nd: 41, too_big: 60, lisp_control: 70 }
sites:
  - name: studio
    instance_id: 0
    eid_prefixes: [10.0.0.0/16, "2001:db8:1::/48"]
    reserved_eids: 10.0.255.0/24     # local to this site: one EID a channel
    reserved_eids6: "2001:db8:1:ff::/64"
    rlocs: [ { address: 192.0.2.10, priority: 1, weight: 100 }, { address: "2001:db8:ffff::10", priority: 2 } ]
    accept_more_specifics: true
    proxy_reply: true
    corecast: true
    accept_streams: known            # known | any | none
    auth_keys: [ { id: 1, algorithm: hmac-sha256-128, secret_env: STUDIO_KEY } ]
    allowed_rlocs: [192.0.2.0/24, "2001:db8:ffff::/48"]
    replay: off                      # monotonic | strict | off
    registration_timeout: 90s
    max_mappings: 1000
    streams: [ { source_eid: 10.9.0.10, reserved_eid: 10.9.255.1, delivery: multicast, group: 232.1.1.1, port: 5004 } ]
channels:
  - { name: news, site: studio, source_eid: 10.0.0.10, reserved_eid: 10.0.255.1, source_eid6: "2001:db8:1::10", ingress: { switch: itr1, port: 1 },
      redundancy: 16, rate: 4Mbps, lists: false, fanout: 2000 }
  - { name: sport, site: studio, source_eid: "2001:db8:1::10", ingress: { switch: itr1, port: 1 } }
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Sites[0].AuthKeys[0].Secret; got != "s3cret" || got.String() != "***" {
		t.Errorf("secret %q prints %v", string(got), got)
	}
	if s := cfg.Sites[0]; s.Replay != ReplayOff || time.Duration(s.RegistrationTimeout) != 90*time.Second || s.MaxMappings != 1000 ||
		len(s.AllowedRLOCs) != 2 {
		t.Errorf("site %+v", s)
	}
	if m := cfg.MapServer; len(m.Upstream) != 2 || time.Duration(m.MaxTTL) != 12*time.Hour || m.RequestRate != 1000 || m.RegisterRate != 5000 {
		t.Errorf("map_server %+v", m)
	}
	if m := cfg.MapCache; m != (MapCache{500, Duration(time.Hour), No, Duration(30 * time.Second)}) {
		t.Errorf("map_cache %+v", m)
	}
	if len(cfg.Warnings) != 0 {
		t.Errorf("warnings: %q", cfg.Warnings)
	}
	addr := netip.MustParseAddr
	news, sport := &cfg.Channels[0], &cfg.Channels[1]
	if got := news.Pairs(); len(got) != 2 || got[1] != (Pair{addr("2001:db8:1::10"), addr("2001:db8:1:ff::1")}) {
		t.Errorf("pairs of news: %v", got)
	}
	if got := sport.Pairs(); len(got) != 1 || got[0].Reserved != addr("2001:db8:1:ff::2") {
		t.Errorf("pairs of sport: %v", got)
	}
	if news.Lists != No || sport.Lists != Yes || news.Fanout != 2000 || sport.Fanout != 0 {
		t.Errorf("lists %v, %v; fanout %v, %v", news.Lists, sport.Lists, news.Fanout, sport.Fanout)
	}
	if p := cfg.Switches[0].PortTowards(addr("2001:db8:ffff::1")); p == nil || p.ID != 2 || p.MTU != 1600 {
		t.Errorf("towards the IPv6 router: %+v", p)
	}
}

// A file that is no text, or has no end, is refused before it is parsed.
func TestUnreadableFiles(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"byte order mark", "\ufeff" + good, ""},
		{"empty", "# nothing\n", "c.yaml: is empty; give at least listen"},
		{"binary", "\x7fELF\x02\x01\x00\x00" + good, "c.yaml: is not text in UTF-8; give a YAML file"},
		{"UTF-16", "\xff\xfel\x00i\x00", "c.yaml: is not text in UTF-8; give a YAML file"},
		{"brackets", "listen: " + strings.Repeat("[", 100_000), "c.yaml: is nested too deep"},
		{"long", strings.Repeat("# nothing\n", MaxFile/10+1), "c.yaml: is too long"},
	} {
		_, err := Decode("c.yaml", []byte(c.text))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Load("/dev/zero"); err == nil || !strings.Contains(err.Error(), "is too long") {
		t.Errorf("/dev/zero: %v", err)
	}
}

// A site's mapping that leads past its switches is allowed, but told of.
func TestBordersElsewhere(t *testing.T) {
	for _, c := range []struct{ rlocs, want string }{
		{"[ { address: 192.0.2.10 } ]", ""},
		{"[ { address: 198.51.100.1 }, { address: 192.0.2.10 } ]", ""},
		{"[ { address: 192.0.2.11 } ]", "site studio: its switches are at [192.0.2.10], and none of its rlocs is: what others send to 192.0.2.11"},
	} {
		cfg, err := Decode("c.yaml", []byte(strings.Replace(good, "[ { address: 192.0.2.10 } ]", c.rlocs, 1)))
		if err != nil {
			t.Errorf("%s: %v", c.rlocs, err)
			continue
		}
		if got := strings.Join(cfg.Warnings, "\n"); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: warnings %q, want %q", c.rlocs, got, c.want)
		}
	}
}

func TestPuntRateDefaults(t *testing.T) {
	cfg, err := Decode("c.yaml", []byte(strings.Replace(good, "    site: studio\n    ports:", "    site: studio\n    punt_rates: { arp: 7 }\n    ports:", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Switches[0].PuntRates; got.ARP != 7 || got.MapCacheMiss != DefaultMissRate || got.ND != DefaultPuntRate || got.LISPControl != DefaultPuntRate {
		t.Errorf("rates %+v", got)
	}
	if m := cfg.MapCache; m != (MapCache{DefaultPreinstall, DefaultMapCacheIdle, Yes, DefaultProbeInterval}) {
		t.Errorf("map_cache %+v", m)
	}
}

// Sites of different instances may be behind one RLOC, unless that is a switch of
// ours.
func TestSharedRLOC(t *testing.T) {
	for _, c := range []struct {
		rloc string
		ids  [2]int
		want string // of the error; "": none
	}{
		{"192.0.2.77", [2]int{7, 8}, ""},
		{"192.0.2.77", [2]int{7, 7}, "192.0.2.77 is an RLOC of sites[1].rlocs[0] (line 14) too"},
		{"192.0.2.10", [2]int{7, 8}, "and of our switch itr; a switch is the border of one site"},
	} {
		text := good
		for i, id := range c.ids {
			more := fmt.Sprintf("  - { name: vpn%d, instance_id: %d, eid_prefixes: [10.%d.0.0/16], rlocs: [ { address: %s } ] }\nchannels:", i, id, 20+i, c.rloc)
			text = strings.Replace(text, "channels:", more, 1)
		}
		_, err := Decode("c.yaml", []byte(text))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s, instances %v: %v; want %q", c.rloc, c.ids, err, c.want)
		}
	}
}

// good is the least that is accepted; each case of TestMistakes breaks it.
const good = `switches:
  - name: itr
    address: "127.0.0.1:9559"
    site: studio
    ports:
      - { id: 1, role: local, address: 10.0.0.1/24 }
      - { id: 2, role: transit, address: 192.0.2.10/24 }
sites:
  - name: studio
    eid_prefixes: [10.0.0.0/16]
    reserved_eids: 10.0.255.0/24
    rlocs: [ { address: 192.0.2.10 } ]
    corecast: true
channels:
  - name: news
    site: studio
    source_eid: 10.0.0.10
    ingress: { switch: itr, port: 1 }
`

func TestMistakes(t *testing.T) {
	if _, err := Decode("c.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, old, new, want string }{
		{"unknown key", "source_eid:", "sorce_eid:", `c.yaml:17: channels[0].sorce_eid: unknown key "sorce_eid"; did you mean source_eid?`},
		{"unknown top key", "sites:", "sties:", `c.yaml:8: sties: unknown key "sties"; did you mean sites?`},
		{"wrong type: list", "eid_prefixes: [10.0.0.0/16]", "eid_prefixes: 10.0.0.0/16", `c.yaml:10: sites[0].eid_prefixes: cannot be "10.0.0.0/16"; must be a list: ["10.0.0.0/16"]`},
		{"wrong type: list of objects", "rlocs: [ { address: 192.0.2.10 } ]", "rlocs: 192.0.2.10", `c.yaml:12: sites[0].rlocs: cannot be "192.0.2.10"; must be a list: [ { address: …, priority: …, weight: … } ]`},
		{"wrong type: bool", "corecast: true", "corecast: 1", `c.yaml:13: sites[0].corecast: cannot be "1"; must be true or false`},
		{"wrong type: name", "name: news", "name: 5", `c.yaml:15: channels[0].name: cannot be "5"; must be text`},
		{"wrong type: number", "id: 1,", "id: one,", `c.yaml:6: switches[0].ports[0].id: cannot be "one"; must be a whole number, 0 to 65535`},
		{"number out of range", "id: 1,", "id: 70000,", `c.yaml:6: switches[0].ports[0].id: cannot be "70000"; must be a whole number`},
		{"negative", "id: 1,", "id: -1,", `c.yaml:6: switches[0].ports[0].id: cannot be "-1"; must be a whole number`},
		{"empty value", "source_eid: 10.0.0.10", "source_eid:", `c.yaml:17: channels[0].source_eid: cannot be empty; must be an IP address such as`},
		{"not an address", "source_eid: 10.0.0.10", "source_eid: 10.0.0", `c.yaml:17: channels[0].source_eid: cannot be "10.0.0"; must be an IP address`},
		{"role", "role: local", "role: lokal", `c.yaml:6: switches[0].ports[0].role: cannot be "lokal"; must be local, transit or loop`},
		{"key twice", "    corecast: true\n", "    corecast: true\n    corecast: true\n", `c.yaml:14: `},
		{"anchor", "name: news", "name: &n news", `c.yaml:15: channels[0].name: uses a YAML anchor`},
		{"two documents", "switches:", "a: b\n---\nswitches:", `c.yaml:3: document: is the second YAML document`},
		{"overlap", "[10.0.0.0/16]", "[10.0.0.0/16, 10.0.128.0/17]", `c.yaml:10: sites[0].eid_prefixes[1]: 10.0.128.0/17 overlaps 10.0.0.0/16 of site studio`},
		{"host bits", "10.0.0.0/16", "10.0.1.0/16", `sites[0].eid_prefixes[0]: 10.0.1.0/16 has host bits set; write 10.0.0.0/16`},
		{"reserved outside", "10.0.255.0/24", "10.1.255.0/24", `c.yaml:11: sites[0].reserved_eids: 10.1.255.0/24 is not a part of the site's EID prefixes [10.0.0.0/16]`},
		{"port in reserved", "10.0.0.1/24", "10.0.255.1/24", `lies in reserved_eids 10.0.255.0/24`},
		{"source in reserved", "10.0.0.10", "10.0.255.10", `c.yaml:17: channels[0].source_eid: 10.0.255.10 lies in reserved_eids`},
		{"no such site", "    site: studio\n    source_eid", "    site: studoi\n    source_eid", `c.yaml:16: channels[0].site: no site "studoi"; did you mean studio?`},
		{"no such switch", "switch: itr", "switch: itr1", `c.yaml:18: channels[0].ingress.switch: no switch "itr1"; did you mean itr?`},
		{"no such port", "switch: itr, port: 1", "switch: itr, port: 3", `c.yaml:18: channels[0].ingress.port: switch itr has no local port 3`},
		{"source outside", "10.0.0.10", "10.9.0.10", `c.yaml:17: channels[0].source_eid: 10.9.0.10 is not an EID of site studio; use one of [10.0.0.0/16]`},
		{"IPv6 source outside", "source_eid: 10.0.0.10", `source_eid: "2001:db8::1"`, `c.yaml:17: channels[0].source_eid: 2001:db8::1 is not an EID of site studio`},
		{"second pair without prefix", "source_eid: 10.0.0.10", "source_eid: 10.0.0.10\n    source_eid6: \"2001:db8::1\"", `c.yaml:18: channels[0].source_eid6: 2001:db8::1 is not an EID of site studio`},
		{"second pair not IPv6", "source_eid: 10.0.0.10", "source_eid: 10.0.0.10\n    source_eid6: 10.0.0.11", `c.yaml:18: channels[0].source_eid6: 10.0.0.11 is not IPv6`},
		{"reserved EID alone", "source_eid: 10.0.0.10", "source_eid: 10.0.0.10\n    reserved_eid6: \"2001:db8::1\"", `c.yaml:18: channels[0].reserved_eid6: 2001:db8::1 has no source_eid6 beside it`},
		{"pair of two families", "source_eid: 10.0.0.10", "source_eid: 10.0.0.10\n    reserved_eid: \"2001:db8::1\"", `c.yaml:18: channels[0].reserved_eid: 2001:db8::1 and source_eid 10.0.0.10 differ in family`},
		{"reserved IPv6 in IPv4", "reserved_eids: 10.0.255.0/24", "reserved_eids: 10.0.255.0/24\n    reserved_eids6: 10.0.254.0/24", `c.yaml:12: sites[0].reserved_eids6: 10.0.254.0/24 is not the IPv6 prefix beside an IPv4 one`},
		{"lists", "source_eid: 10.0.0.10", "source_eid: 10.0.0.10\n    lists: maybe", `c.yaml:18: channels[0].lists: cannot be "maybe"; must be true or false`},
		{"fanout", "source_eid: 10.0.0.10", "source_eid: 10.0.0.10\n    fanout: all", `c.yaml:18: channels[0].fanout: cannot be "all"; must be a whole number`},
		{"mtu", "address: 10.0.0.1/24 }", "address: 10.0.0.1/24, mtu: 60 }", `c.yaml:6: switches[0].ports[0].mtu: 60 is not an IP MTU; give at least 68`},
		{"rate of a transit port", "address: 192.0.2.10/24 }", "address: 192.0.2.10/24, channel_rate: 5 }", `c.yaml:7: switches[0].ports[1].channel_rate: has no use on a transit port`},
		{"two routers of a family", "address: 192.0.2.10/24 }", "address: 192.0.2.10/24, next_hop: 192.0.2.1, next_hops: [192.0.2.2] }", `192.0.2.2 is beside 192.0.2.1 of the same family`},
		{"second address", "address: 10.0.0.1/24 }", "address: 10.0.0.1/24, addresses: [10.0.3.0/24] }", `c.yaml:6: switches[0].ports[0].addresses[0]: 10.0.3.0/24 is not a host's address`},
		{"one address twice", "address: 10.0.0.1/24 }", "address: 10.0.0.1/24, addresses: [10.0.0.1/16] }", `10.0.0.1 is the address of`},
		{"unknown punt reason", "    ports:\n", "    punt_rates: { arps: 1 }\n    ports:\n", `c.yaml:5: switches[0].punt_rates.arps: unknown key "arps"; did you mean arp?`},
		{"unicast group", "corecast: true", "corecast: true\n    streams: [ { source_eid: 10.9.0.1, reserved_eid: 10.9.0.2, group: 232.1.1.1, port: 5 } ]", `c.yaml:14: sites[0].streams[0].group: 232.1.1.1 port 5 has no use with unicast delivery`},
		{"group of another family", "corecast: true", "corecast: true\n    streams: [ { source_eid: 10.9.0.1, reserved_eid: 10.9.0.2, delivery: multicast, group: \"ff3e::1\", port: 5 } ]", `ff3e::1 and source_eid 10.9.0.1 differ in family`},
		{"no group", "corecast: true", "corecast: true\n    streams: [ { source_eid: 10.9.0.1, reserved_eid: 10.9.0.2, delivery: multicast } ]", `is not a group to deliver to`},
		{"one stream twice", "corecast: true", "corecast: true\n    streams: [ { source_eid: 10.9.0.1, reserved_eid: 10.9.0.2 }, { source_eid: 10.9.0.1, reserved_eid: 10.9.0.2 } ]", `(10.9.0.1, 10.9.0.2) is streams[0] too`},
		{"reserved EID outside", "source_eid: 10.0.0.10", "source_eid: 10.0.0.10\n    reserved_eid: 10.0.1.1", `c.yaml:18: channels[0].reserved_eid: 10.0.1.1 is outside reserved_eids 10.0.255.0/24 of site studio`},
		{"one reserved EID twice", "channels:\n", "channels:\n  - { name: b, site: studio, source_eid: 10.0.0.9, reserved_eid: 10.0.255.1, ingress: { switch: itr, port: 1 } }\n" +
			"  - { name: c, site: studio, source_eid: 10.0.0.9, reserved_eid: 10.0.255.1, ingress: { switch: itr, port: 1 } }\n",
			`c.yaml:16: channels[1].reserved_eid: 10.0.255.1 is the reserved EID of channel b too`},
		{"duplicate channel", "channels:\n", "channels:\n  - { name: news, site: studio, source_eid: 10.0.0.9, ingress: { switch: itr, port: 1 } }\n",
			`c.yaml:16: channels[1].name: "news" is the name of channels[0] (line 15) too`},
		{"missing secret", "corecast: true", "corecast: true\n    auth_keys: [ { id: 1, algorithm: hmac-sha256-128 } ]",
			`c.yaml:14: sites[0].auth_keys[0]: has no secret; give secret_env`},
		{"unset secret", "corecast: true", "corecast: true\n    auth_keys: [ { id: 1, algorithm: hmac-sha256-128, secret_env: CORECAST_TEST_UNSET } ]",
			`environment variable "CORECAST_TEST_UNSET" is not set`},
		{"algorithm", "corecast: true", "corecast: true\n    auth_keys: [ { id: 1, algorithm: hmac-sha256, secret: x } ]",
			`unknown algorithm "hmac-sha256"; did you mean hmac-sha256-128?`},
		{"RLOC in EIDs", "rlocs: [ { address: 192.0.2.10 } ]", "rlocs: [ { address: 10.0.3.3 } ]", `10.0.3.3 lies in EID prefix 10.0.0.0/16 of site studio`},
		{"rate", "source_eid: 10.0.0.10", "source_eid: 10.0.0.10\n    rate: 4", `c.yaml:18: channels[0].rate: cannot be "4"; must be a rate with its unit`},
		{"loop peer", "sites:\n", "      - { id: 3, role: loop, peer: 2 }\nsites:\n", `c.yaml:8: switches[0].ports[2].peer: port 2 is configured by itself`},
		{"neighbor nowhere", "sites:\n", "    neighbors: [ { address: 172.16.0.1, mac: \"02:00:00:00:00:01\" } ]\nsites:\n", `c.yaml:8: switches[0].neighbors[0].address: 172.16.0.1 is in no port's subnet; give its port`},
		{"next hop off subnet", "address: 192.0.2.10/24 }", "address: 192.0.2.10/24, next_hop: 192.0.3.1 }", `192.0.3.1 is not a neighbor on 192.0.2.0/24`},
		{"store", "switches:", "store: bbolt\nswitches:", `c.yaml:1: store: "bbolt" is no store; write "file:PATH"`},
		{"etcd without a port", "switches:", "store: \"etcd://a:2379,b/corecast\"\nswitches:", `c.yaml:1: store: "b" is no HOST:PORT: write etcd://HOST:2379`},
		{"etcd parameter", "switches:", "store: \"etcd://a:2379/corecast?tsl=true\"\nswitches:", `c.yaml:1: store: parameter "tsl" is not known: there are ca, cert`},
		{"etcd password", "switches:", "store: \"etcd://root:secret@a:2379/corecast\"\nswitches:", `c.yaml:1: store: a password in a URL is seen by many`},
		{"token in the clear", "switches:", "listen: { http: \"192.0.2.1:8443\" }\nauth: { tokens_file: t }\nswitches:", `c.yaml:1: listen.http: "192.0.2.1:8443" can be reached from elsewhere, and tokens would go there in the clear; give tls.cert`},
		{"issuer", "switches:", "auth: { oidc: { issuer: \"http://id.example\", audience: x } }\nswitches:", `c.yaml:1: auth.oidc.issuer: "http://id.example" is not an issuer`},
		{"audience", "switches:", "auth: { oidc: { issuer: \"https://id.example\" } }\nswitches:", `c.yaml:1: auth.oidc.audience: is missing`},
		{"role of a claim", "switches:", "auth: { oidc: { issuer: \"https://id.example\", audience: x, roles: [ { claim: y, role: root } ] } }\nswitches:", `auth.oidc.roles[0].role: cannot be "root"; must be viewer, operator or admin`},
		{"webhook without name", "switches:", "webhooks: [ { url: \"https://h.example\", secret: x } ]\nswitches:", `c.yaml:1: webhooks[0]: has no name`},
		{"webhook without secret", "switches:", "webhooks: [ { name: h, url: \"https://h.example\" } ]\nswitches:", `c.yaml:1: webhooks[0]: has no secret; give secret_env`},
		{"webhook nowhere", "switches:", "webhooks: [ { name: h, url: \"file:///etc/passwd\", secret: x } ]\nswitches:", `c.yaml:1: webhooks[0].url: "file:///etc/passwd" is no URL of a server`},
		{"webhook with a password", "switches:", "webhooks: [ { name: h, url: \"https://a:b@h.example\", secret: x } ]\nswitches:", `c.yaml:1: webhooks[0].url: has a user or password in it`},
		{"webhook event", "switches:", "webhooks: [ { name: h, url: \"https://h.example\", secret: x, events: [create] } ]\nswitches:", `c.yaml:1: webhooks[0].events[0]: "create" is no kind of event; did you mean created`},
		{"two webhooks of a name", "switches:", "webhooks: [ { name: h, url: \"https://h.example\", secret: x }, { name: h, url: \"https://i.example\", secret: x } ]\nswitches:", `c.yaml:1: webhooks[1].name: "h" is the name of webhooks[0]`},
		{"revoked by nobody", "switches:", "tls: { cert: a, key: b, client_crl: c }\nswitches:", `c.yaml:1: tls.client_crl: needs the authority whose certificates it lists; give tls.client_ca too`},
		{"tls half", "switches:", "tls: { cert: a }\nswitches:", `c.yaml:1: tls: has only one of cert and key`},
		{"half a certificate for switches", "switches:", "p4runtime: { ca: a, cert: b }\nswitches:", `c.yaml:1: p4runtime: has only one of cert and key`},
		{"no authority for switches", "switches:", "p4runtime: { cert: b, key: c }\nswitches:", `c.yaml:1: p4runtime.ca: is missing; give the PEM file`},
		{"listen", "switches:", "listen: { http: localhost }\nswitches:", `c.yaml:1: listen.http: "localhost" is not host:port`},
		{"listen to all", "switches:", "listen: { http: \"0.0.0.0:8080\" }\nswitches:", `c.yaml:1: listen.http: "0.0.0.0:8080" can be reached from elsewhere`},
		{"listen to a name", "switches:", "listen: { http: \"studio.example:8080\" }\nswitches:", `listen.http: "studio.example:8080" can be reached from elsewhere`},
		{"LISP on a name", "switches:", "listen: { lisp: [\"localhost:4342\"] }\nswitches:", `c.yaml:1: listen.lisp[0]: "localhost:4342" is not an IP address and port; write it like`},
		{"LISP twice", "switches:", "listen: { lisp: [\"[::]:4342\", \"[::]:4342\"] }\nswitches:", `c.yaml:1: listen.lisp[1]: [::]:4342 is listen.lisp[0] too`},
		{"upstream", "switches:", "map_server: { upstream: [192.0.2.1] }\nswitches:", `c.yaml:1: map_server.upstream[0]: cannot be "192.0.2.1"; must be an IP address and a port`},
		{"upstream nowhere", "switches:", "map_server: { upstream: [\"0.0.0.0:4342\"] }\nswitches:", `c.yaml:1: map_server.upstream[0]: 0.0.0.0:4342 is not a Map-Resolver`},
		{"upstream itself", "switches:", "listen: { lisp: [\"192.0.2.1:4342\"] }\nmap_server: { upstream: [\"192.0.2.1:4342\"] }\nswitches:", `c.yaml:2: map_server.upstream[0]: 192.0.2.1:4342 is this Map-Server itself (listen.lisp); name another one`},
		{"preinstall", "switches:", "map_cache: { preinstall: 1000000 }\nswitches:", `c.yaml:1: map_cache.preinstall: 1000000 mappings are more than a switch has room for; give 1 to 65536`},
		{"probes", "switches:", "map_cache: { probe_interval: 2h }\nswitches:", `c.yaml:1: map_cache.probe_interval: cannot be 2h0m0s; give 1s to 1h0m0s`},
		{"short TTL", "switches:", "map_server: { max_ttl: 10s }\nswitches:", `c.yaml:1: map_server.max_ttl: 10s is no TTL of a mapping; give 1m to 8760h`},
		{"long registration", "corecast: true", "corecast: true\n    registration_timeout: 9000h", `c.yaml:14: sites[0].registration_timeout: 9000h0m0s is too long; give at most 8760h`},
		{"unknown key of the Map-Server", "switches:", "map_server: { max_tll: 1h }\nswitches:", `c.yaml:1: map_server.max_tll: unknown key "max_tll"; did you mean max_ttl?`},
		{"replay", "corecast: true", "corecast: true\n    replay: monotone", `c.yaml:14: sites[0].replay: cannot be "monotone"; must be monotonic, strict or off`},
		{"duration", "corecast: true", "corecast: true\n    registration_timeout: 180", `c.yaml:14: sites[0].registration_timeout: cannot be "180"; must be a time of 1s or more with its unit`},
		{"short duration", "corecast: true", "corecast: true\n    registration_timeout: 10ms", `registration_timeout: cannot be "10ms"; must be a time of 1s or more`},
		{"limits without keys", "corecast: true", "corecast: true\n    max_mappings: 5", `c.yaml:14: sites[0].max_mappings: has no use without auth_keys`},
		{"allowed RLOCs", "corecast: true", "corecast: true\n    allowed_rlocs: [192.0.2.1/24]", `c.yaml:14: sites[0].allowed_rlocs[0]: 192.0.2.1/24 has host bits set; write 192.0.2.0/24`},
		{"one key id twice", "corecast: true", "corecast: true\n    auth_keys:\n      - { id: 1, algorithm: hmac-sha1-96, secret: x }\n      - { id: 1, algorithm: hmac-sha256-128, secret: y }",
			`c.yaml:16: sites[0].auth_keys[1].id: 1 is the id of auth_keys[0] too`},
		{"not YAML", "switches:", "switches: [", `is not valid YAML`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(good, tc.old, tc.new, 1)
			if text == good {
				t.Fatalf("%q is not in the file", tc.old)
			}
			_, err := Decode("c.yaml", []byte(text))
			var ce *Error
			if !errors.As(err, &ce) {
				t.Fatalf("accepted, or untyped error: %v", err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got:\n%v\nwant:\n%s", err, tc.want)
			}
		})
	}
}

func TestSeveralMistakesAtOnce(t *testing.T) {
	text := strings.NewReplacer("corecast: true", "corecast: maybe", "id: 1,", "id: x,", "rlocs", "rlcos").Replace(good)
	_, err := Decode("c.yaml", []byte(text))
	var ce *Error
	if !errors.As(err, &ce) || len(ce.Problems) != 3 {
		t.Fatalf("want 3 problems in order, got:\n%v", err)
	}
	for i, line := range []int{6, 12, 13} {
		if ce.Problems[i].Line != line {
			t.Errorf("problem %d is at line %d, want %d", i, ce.Problems[i].Line, line)
		}
	}
}

func TestAllocation(t *testing.T) {
	text := good + "  - { name: b, site: studio, source_eid: 10.0.0.11, reserved_eid: 10.0.255.1, ingress: { switch: itr, port: 1 } }\n" +
		"  - { name: c, site: studio, source_eid: 10.0.0.12, ingress: { switch: itr, port: 1 } }\n"
	cfg, err := Decode("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"10.0.255.2", "10.0.255.1", "10.0.255.3"} {
		if got := cfg.Channels[i].ReservedEID.String(); got != want {
			t.Errorf("channel %s has %s, want %s", cfg.Channels[i].Name, got, want)
		}
	}
	if err := cfg.Complete(); err != nil {
		t.Errorf("completing again: %v", err)
	}
}

// A Config built in Go has no lines: objects are named by their path.
func TestStructs(t *testing.T) {
	cfg := &Config{Sites: []Site{{Name: "a"}}, Channels: []Channel{{Name: "c", Site: "b"}}}
	err := cfg.Complete()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"sites[0].eid_prefixes: is missing; give", `channels[0].site: no site "b"`} {
		if !strings.Contains("\n"+err.Error(), "\n"+want) {
			t.Errorf("got:\n%v\nwant %s", err, want)
		}
	}
}

func TestDeepNesting(t *testing.T) {
	for _, text := range []string{strings.Repeat("[", 2000), strings.Repeat("{a: ", 2000), "sites: " + strings.Repeat("[", 30) + strings.Repeat("]", 30),
		"sites: [ { streams: " + strings.Repeat("[", 30) + strings.Repeat("]", 30) + " } ]"} {
		if _, err := Decode("deep.yaml", []byte(text)); err == nil {
			t.Errorf("accepted %.20q…", text)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	_, err := Load(t.TempDir() + "/none.yaml")
	var ce *Error
	if !errors.As(err, &ce) || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	data, err := os.ReadFile(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(good))
	f.Add([]byte("a: &x [*x]"))
	f.Add([]byte("- - - - -"))
	f.Add([]byte("switches: {{}}\nsites: !!set {}\n<<: 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := Decode("f.yaml", data)
		var ce *Error
		if err != nil && !errors.As(err, &ce) {
			t.Fatalf("untyped error %T", err)
		}
		if err == nil {
			if err := cfg.Complete(); err != nil {
				t.Fatalf("accepted once, refused when completed again: %v", err)
			}
		}
	})
}
