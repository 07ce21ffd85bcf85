package config

import (
	"cmp"
	"fmt"
	"os"
	"slices"
)

// Complete fills in what was omitted (defaults, secrets from the environment,
// reserved EIDs) and checks everything else. It returns an *Error with all
// problems, or nil. Completing a complete Config changes nothing.
func (c *Config) Complete() error {
	p := &problems{origin: c.origin, cfg: c}
	c.Warnings = nil
	if c.allocated == nil {
		c.allocated = map[Allocation]bool{}
	}
	c.defaults()
	c.secrets(p)
	c.checkServers(p)
	c.checkMapServer(p)
	c.checkMapCache(p)
	c.checkWebhooks(p)
	c.checkSites(p)
	c.checkSwitches(p)
	c.checkChannels(p)
	return p.err()
}

// Origin returns "file:line" of the object at path (such as "channels[0]"), or
// "" for one that did not come from a file.
func (c *Config) Origin(path string) string {
	if c.origin.file == "" || c.origin.foreign(path) {
		return ""
	}
	return fmt.Sprintf("%s:%d", c.origin.file, c.origin.line(path))
}

// File is the name of the file that the Config came from; "" if it came from
// none.
func (c *Config) File() string { return c.origin.file }

func (c *Config) defaults() {
	c.MapCache.defaults()
	for i := range c.Switches {
		s := &c.Switches[i]
		s.Target = cmp.Or(s.Target, Softswitch)
		s.DeviceID = cmp.Or(s.DeviceID, 1) // no P4Runtime server has 0
		for j := range s.Ports {
			if p := &s.Ports[j]; p.MAC.IsZero() {
				p.MAC = PortMAC(s.Name, p.ID)
			}
		}
		s.PuntRates.defaults()
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		s.AcceptStreams = cmp.Or(s.AcceptStreams, AcceptKnown)
		s.Replay = cmp.Or(s.Replay, ReplayMonotonic)
		for j := range s.Streams {
			s.Streams[j].Delivery = cmp.Or(s.Streams[j].Delivery, Unicast)
		}
	}
	for i := range c.Channels {
		c.Channels[i].Lists = cmp.Or(c.Channels[i].Lists, Yes)
	}
}

func (m *MapCache) defaults() {
	m.Preinstall = cmp.Or(m.Preinstall, DefaultPreinstall)
	m.Idle = cmp.Or(m.Idle, DefaultMapCacheIdle)
	m.Probe = cmp.Or(m.Probe, Yes)
	m.ProbeInterval = cmp.Or(m.ProbeInterval, DefaultProbeInterval)
}

func (r *PuntRates) defaults() {
	r.MapCacheMiss = cmp.Or(r.MapCacheMiss, DefaultMissRate)
	for _, rate := range []*uint32{&r.NewStream, &r.ToUs, &r.TTL, &r.Neighbor, &r.ARP, &r.ND,
		&r.TooBig, &r.LISPControl} {
		*rate = cmp.Or(*rate, DefaultPuntRate)
	}
}

// algorithms are those of RFC 9301 section 12.5 that Map-Registers may use.
var algorithms = []string{"hmac-sha1-96", "hmac-sha256-128", "hmac-sha256-128-hkdf"}

func (c *Config) secrets(p *problems) {
	for i := range c.Sites {
		for j := range c.Sites[i].AuthKeys {
			k := &c.Sites[i].AuthKeys[j]
			path := fmt.Sprintf("sites[%d].auth_keys[%d]", i, j)
			if !slices.Contains(algorithms, k.Algorithm) {
				p.add(path+".algorithm", fmt.Sprintf("unknown algorithm %q", k.Algorithm),
					DidYouMean(k.Algorithm, algorithms))
			}
			switch {
			case k.Secret != "":
			case k.SecretEnv == "":
				p.add(path, "has no secret", "give secret_env: the name of an environment variable (or secret:)")
			default:
				k.Secret = Secret(os.Getenv(k.SecretEnv))
				if k.Secret == "" {
					p.add(path+".secret_env", fmt.Sprintf("environment variable %q is not set", k.SecretEnv),
						"set it to the site's secret before starting")
				}
			}
		}
	}
}

func (c *Config) warnf(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}
