package station_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corecast/corecast/source/station"
)

func TestLoad(t *testing.T) {
	t.Setenv("OPERATOR", "boss")
	good := `
listen: 127.0.0.1:8081
proof: 127.0.0.1:4345
operator_token: { env: OPERATOR }
limits: { ttl: 60s, per_address: 8 }
sites:
  - { eid_prefixes: [10.1.0.0/16], rloc: 192.0.2.1 }
channels:
  - name: news
    input: srt://:9000?mode=listener
    source_eid: 127.0.0.1
    reserved_eid: 127.44.0.9
    list: 16
    viewers: ["10.1.0.11:5004"]
`
	file := filepath.Join(t.TempDir(), "source.yaml")
	load := func(text string) (*station.Config, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return station.Load(file)
	}
	cfg, err := load(good)
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.Channels[0]; c.List != 16 || c.UDPPort != station.DefaultUDPPort || !*c.Reconnect || cfg.Limits.TTL != time.Minute ||
		c.Viewers[0] != netip.MustParseAddrPort("10.1.0.11:5004") {
		t.Errorf("%+v", cfg)
	}
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the good file", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct{ text, says string }{
		{"", "none"},
		{"channels: []", "none"},
		{"{", ""},
		{replace("list: 16", "lists: 16"), ":13: "},
		{replace("list: 16", "list: many"), ":13: "},
		{replace("list: 16", "list: 33"), ":13: channels[0].list: 33"},
		{replace("name: news", "title: news"), "channels[0].name"},
		{replace("input: srt://:9000?mode=listener", "loop: false"), "channels[0].input"},
		{replace("reserved_eid: 127.44.0.9", "mtu: 0"), "channels[0].reserved_eid"},
		{replace("reserved_eid: 127.44.0.9", "reserved_eid: 2001:db8::1"), "family"},
		{replace("reserved_eid: 127.44.0.9", "reserved_eid: nowhere"), ":12: "},
		{replace("source_eid: 127.0.0.1", "itr: 192.0.2.77"), "192.0.2.77"},
		{replace("10.1.0.11:5004", "10.1.0.11:0"), "viewers[0]"},
		{replace("env: OPERATOR", "env: NOBODY"), "NOBODY is empty"},
		{replace("192.0.2.1 }", "192.0.2.1, rlocc: x }"), ":7: "},
		{replace("proof:", "trusted_proxies: [x]\nproof:"), "trusted_proxies[0]"},
		{replace("proof:", "auth: { jwks: a, hook: http://x }\nproof:"), "keep one"},
		{replace("proof:", "auth: { hook: x }\nproof:"), "want an http://"},
		{replace("proof:", "tls: { cert: x }\nproof:"), "want both"},
	} {
		_, err := load(c.text)
		var wrong *station.Error
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), file) {
			t.Errorf("want %q: %v", c.says, err)
		}
	}
	if _, err := station.Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a file that is not there")
	}
}

// The example is a configuration.
func TestExample(t *testing.T) {
	cfg, err := station.Load("../../examples/source.yaml")
	if err != nil || len(cfg.Channels) != 2 || len(cfg.Sites) != 2 {
		t.Errorf("%+v, %v", cfg, err)
	}
}

// Mistakes that only opening finds.
func TestNotOpened(t *testing.T) {
	for name, edit := range map[string]func(*station.Config){
		"no such file":           func(c *station.Config) { c.Channels[0].Input = "/nonexistent.ts" },
		"not an address of ours": func(c *station.Config) { c.Channels[0].SourceEID = netip.MustParseAddr("192.0.2.1") },
		"a taken port":           func(c *station.Config) { c.Listen = "127.0.0.1:1:1" },
		"no certificate":         func(c *station.Config) { c.TLS = station.TLS{Cert: "/nonexistent", Key: "/nonexistent"} },
		"proof":                  func(c *station.Config) { c.Proof = "192.0.2.1:1" },
		"a name":                 func(c *station.Config) { c.Channels[0].Name = "a/b" },
	} {
		cfg := loopback(t, clipFile(t), "127.44.0.5")
		edit(cfg)
		if err := cfg.Complete(); err != nil {
			t.Fatal(name, err)
		}
		if s, err := station.New(t.Context(), cfg, func(string) {}); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		} else {
			t.Log(fmt.Sprint(name, ": ", err))
		}
	}
}
