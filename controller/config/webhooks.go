package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
)

// Webhook is an HTTP server that is told of events.
type Webhook struct {
	Name      string `yaml:"name"`
	URL       string `yaml:"url"`
	Secret    Secret `yaml:"secret"`
	SecretEnv string `yaml:"secret_env"`
	// Events are the kinds of events to tell of; all if it is empty.
	Events []string `yaml:"events"`
}

// EventKinds are the kinds of events that a webhook can ask for.
func EventKinds() []string {
	return []string{"created", "changed", "deleted", "switch.phase", "site.registered", "site.unregistered",
		"site.rejecting", "stream.appeared", "stream.aged"}
}

func (c *Config) checkWebhooks(p *problems) {
	var names []string
	for i := range c.Webhooks {
		h := &c.Webhooks[i]
		path := fmt.Sprintf("webhooks[%d]", i)
		names = append(names, h.Name)
		c.checkWebhookURL(p, path, h.URL)
		switch {
		case h.Secret != "":
		case h.SecretEnv == "":
			p.add(path, "has no secret", "give secret_env: the name of an environment variable (or secret:), with which requests are signed")
		default:
			if h.Secret = Secret(os.Getenv(h.SecretEnv)); h.Secret == "" {
				p.add(path+".secret_env", fmt.Sprintf("environment variable %q is not set", h.SecretEnv), "set it before starting")
			}
		}
		for j, kind := range h.Events {
			if !slices.Contains(EventKinds(), kind) {
				p.add(fmt.Sprintf("%s.events[%d]", path, j), fmt.Sprintf("%q is no kind of event", kind), DidYouMean(kind, EventKinds()))
			}
		}
	}
	uniqueNames(p, "webhooks", names)
}

func (c *Config) checkWebhookURL(p *problems, path, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Fragment != "":
		p.add(path+".url", fmt.Sprintf("%q is no URL of a server", text), "write it like https://pager.example/corecast")
	case u.User != nil:
		p.add(path+".url", "has a user or password in it", "requests are signed with the secret instead")
	case u.Scheme == "http":
		if a, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !a.IsLoopback()) {
			c.warnf("webhook %s is told in the clear: give its URL as https://", u.Host)
		}
	}
}
