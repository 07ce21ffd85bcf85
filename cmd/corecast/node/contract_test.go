package node

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/corecast/corecast/northbound/auth"
	"github.com/corecast/corecast/northbound/contract"
)

// contractNode runs a node that asks who is there, with objects of its file and
// room for others.
func contractNode(t *testing.T) contract.Options {
	t.Helper()
	dir := t.TempDir()
	o := contract.Options{Tokens: map[string]string{}}
	file := filepath.Join(dir, "tokens")
	for _, role := range auth.Roles() {
		secret, line, err := auth.NewToken(role.String(), role, time.Time{})
		if err == nil {
			err = auth.AppendToken(file, line)
		}
		if err != nil {
			t.Fatal(err)
		}
		o.Tokens[role.String()] = secret
	}
	n, _ := start(t, decode(t, fmt.Sprintf(`
store: "file:%s/corecast.db"
auth: { tokens_file: "%s", request_rate: 1000000 }
switches:
  - { name: itr, address: "127.0.0.1:1", device_id: 1, site: fixed, ports: [ { id: 1, role: local, address: 10.9.0.1/24 }, { id: 2, role: transit, address: 192.0.2.9/24 } ] }
sites:
  - { name: fixed, eid_prefixes: [10.9.0.0/16], reserved_eids: 10.9.255.0/24, rlocs: [ { address: 192.0.2.9 } ], corecast: true }
channels:
  - { name: news, site: fixed, source_eid: 10.9.0.10, reserved_eid: 10.9.255.1, ingress: { switch: itr, port: 1 } }
`, dir, file)))
	o.URL = n.URL()
	const switches, sites, channels = "/api/v1/switches/{name}", "/api/v1/sites/{name}", "/api/v1/channels/{name}"
	o.Order = []string{sites, switches, channels}
	o.Unreachable = map[string]string{"GET /api/v1/backup 409": "it has a store, and one backup at a time is asked for"}
	o.FromFile = map[string]string{switches: "itr", sites: "fixed", channels: "news"}
	o.Good = map[string]contract.Example{
		sites: {Name: "made", Body: `{"eid_prefixes": ["10.5.0.0/16", "2001:db8:5::/48"], "reserved_eids": "10.5.255.0/24",
			"rlocs": [{"address": "192.0.2.5", "priority": 1, "weight": 100}], "corecast": true, "accept_streams": "known",
			"auth_keys": [{"id": 1, "algorithm": "hmac-sha256-128", "secret": "between us"}],
			"streams": [{"source_eid": "10.9.0.10", "reserved_eid": "10.9.255.1", "delivery": "multicast", "group": "232.1.1.1", "port": 5004}]}`},
		switches: {Name: "itr5", Body: `{"address": "127.0.0.1:2", "device_id": 5, "target": "softswitch", "site": "made",
			"ports": [{"id": 1, "role": "local", "address": "10.5.0.1/24"}, {"id": 2, "role": "transit", "address": "192.0.2.5/24", "next_hop": "192.0.2.1"}],
			"neighbors": [{"address": "10.5.0.10", "mac": "02:00:00:00:00:10"}], "punt_rates": {"arp": 50}}`},
		channels: {Name: "sports", Body: `{"site": "made", "source_eid": "10.5.0.10", "reserved_eid": "10.5.255.7",
			"ingress": {"switch": "itr5", "port": 1}, "redundancy": 16, "rate": "4Mbps", "lists": true, "fanout": 100}`},
	}
	o.Good["/api/v1/sources/{name}/report"] = contract.Example{Name: "studio-1", Body: `{"interval_seconds": 10,
		"channels": [{"name": "news", "payloads": 10, "bytes": 13160, "headers": 20, "unicast": 0, "viewers": [{"eid": "10.5.0.7", "port": 5004, "corecast": true, "since": "2030-01-31T12:00:00Z"}], "more": 1}]}`}
	return o
}

// TestContract: the REST API does what its document says, and nothing else.
func TestContract(t *testing.T) { contract.Check(t, contractNode(t)) }

// TestRandomRequests asks at random for a while, or for as long as
// CORECAST_FUZZ_FOR says.
func TestRandomRequests(t *testing.T) {
	during := 3 * time.Second
	if text := os.Getenv("CORECAST_FUZZ_FOR"); text != "" {
		var err error
		if during, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	contract.Random(t, contractNode(t), rand.Uint64(), during)
}
