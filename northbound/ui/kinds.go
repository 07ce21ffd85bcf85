package ui

import (
	"fmt"
	"strconv"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/inventory"
)

// editable is a kind of object that has forms.
type editable struct {
	Kind   inventory.Kind
	List   string // URL of the list
	Fields []field
	// Start are values that the form of a new one begins with.
	Start map[string]string
	// Gone says what follows from deleting one.
	Gone string
}

// Name of the kind, as it is written within a sentence and in URLs.
func (k *editable) Name() string { return string(k.Kind) }

func (k *editable) ref(name string) inventory.Ref { return inventory.Ref{Kind: k.Kind, Name: name} }

// editables are all kinds that have forms.
func editables() []*editable { return []*editable{channelKind(), siteKind(), switchKind()} }

func channelKind() *editable {
	return &editable{
		Kind: inventory.Channel, List: "/channels", Start: map[string]string{"lists": "true"},
		Gone: "The switches forget the channel: its viewers receive nothing more, and its counters are gone.",
		Fields: []field{
			{Name: "site", Label: "Site", Hint: "of the source; sites with reserved EIDs can have channels", Input: choiceInput, Options: channelSites},
			{Name: "ingress", Label: "Enters by", Hint: "the local port of the ITR, by which alone it may come", Input: portInput, Options: localPorts},
			{Name: "source_eid", Label: "Source EID", Hint: "address of the source, as 10.0.0.10"},
			{Name: "reserved_eid", Label: "Reserved EID", Hint: "to which the source sends; empty: the lowest free one of the site"},
			{Name: "rate", Label: "Rate", Hint: "of media, as 4Mbps; empty: no limit"},
			{Name: "redundancy", Label: "Repeat copies after", Hint: "headers to one RLOC, 1 to 255; empty: never", Input: numberInput},
			{Name: "source_eid6", Label: "Second source EID", Hint: "IPv6, of a dual-stack channel; else empty", Rare: true},
			{Name: "reserved_eid6", Label: "Second reserved EID", Hint: "empty: the lowest free one of the site", Rare: true},
			{Name: "fanout", Label: "Fanout", Hint: "packets made of a payload at most; empty: no limit", Input: numberInput, Rare: true},
			{Name: "lists", Label: "A header packet may name several viewers", Hint: "fewer packets from the source", Input: yesInput, Rare: true},
		},
	}
}

func siteKind() *editable {
	return &editable{
		Kind: inventory.Site, List: "/sites", Start: map[string]string{"proxy_reply": "true", "corecast": "true", "rlocs.0.address": ""},
		Gone: "Its EIDs are in no mapping any more: what is sent to them is dropped, and its xTRs cannot register.",
		Fields: []field{
			{Name: "eid_prefixes", Label: "EID-prefixes", Hint: "of its viewers and sources, with commas between: 10.1.0.0/16, 2001:db8:1::/48", Input: listInput},
			{Name: "reserved_eids", Label: "Reserved EIDs", Hint: "a part of these for its channels, as 10.1.255.0/24; empty: it has no channels"},
			{Name: "corecast", Label: "It has CoreCast switches", Hint: "else its viewers are sent plain unicast", Input: yesInput},
			{Name: "proxy_reply", Label: "The Map-Server answers for it", Hint: "else its xTRs are asked", Input: yesInput},
			{Name: "rlocs", Label: "RLOCs", Row: "RLOC", Hint: "of its switches; its mapping while nobody registers", Input: rowsInput, Fields: []field{
				{Name: "address", Label: "Address", Hint: "as 192.0.2.10"},
				{Name: "priority", Label: "Priority", Hint: "the lowest is used; empty: 1", Input: numberInput},
				{Name: "weight", Label: "Weight", Hint: "share among equals; empty: 100", Input: numberInput},
			}},
			{Name: "auth_keys", Label: "Keys", Row: "key", Hint: "with which its xTRs register; none: nobody can", Input: rowsInput, Fields: []field{
				{Name: "id", Label: "Key id", Hint: "as its xTRs have it; empty: 0", Input: numberInput},
				{Name: "algorithm", Label: "Algorithm", Hint: "as its xTRs have it", Input: choiceInput, Options: texts("hmac-sha256-128", "hmac-sha1-96", "hmac-sha256-128-hkdf")},
				{Name: "secret", Label: "Secret", Hint: "empty: that of the key of this id stays", Input: secretInput},
				{Name: "secret_env", Label: "Or its variable", Hint: "of the controller’s environment"},
			}},
			{Name: "accept_streams", Label: "Streams from elsewhere", Hint: "that its switches take", Input: choiceInput, Rare: true,
				Options: labelled("known", "of channels that are known", "any", "any", "none", "none")},
			{Name: "streams", Label: "Streams with a way of their own", Row: "stream", Hint: "how channels of other domains are delivered here", Input: rowsInput, Rare: true, Fields: []field{
				{Name: "source_eid", Label: "Source EID", Hint: "as 10.9.0.10"},
				{Name: "reserved_eid", Label: "Reserved EID", Hint: "as 10.9.255.1"},
				{Name: "delivery", Label: "Delivery", Hint: "to the viewers", Input: choiceInput, Options: texts("unicast", "multicast")},
				{Name: "group", Label: "Group", Hint: "of multicast, as 232.1.1.1"},
				{Name: "port", Label: "UDP port", Hint: "of the group", Input: numberInput},
			}},
			{Name: "instance_id", Label: "Instance-id", Hint: "of its EIDs; empty: 0", Input: numberInput, Rare: true},
			{Name: "reserved_eids6", Label: "Reserved EIDs, IPv6", Hint: "beside IPv4 ones", Rare: true},
			{Name: "allowed_rlocs", Label: "Locators that its xTRs may register", Hint: "prefixes with commas between; empty: any", Input: listInput, Rare: true},
			{Name: "replay", Label: "Replay check", Hint: "against recorded Map-Registers", Input: choiceInput, Rare: true,
				Options: labelled("monotonic", "nonces must grow", "strict", "strict: they must grow, and xTRs say their xTR-ID", "off", "off: xTRs send random nonces")},
			{Name: "registration_timeout", Label: "A registration lasts", Hint: "as 3m, which is the default", Rare: true},
			{Name: "max_mappings", Label: "Mappings at most", Hint: "that its xTRs may register; empty: the default", Input: numberInput, Rare: true},
			{Name: "accept_more_specifics", Label: "Its xTRs may register parts of its EID-prefixes", Input: yesInput, Rare: true},
		},
	}
}

func switchKind() *editable {
	rate := func(name, label string) field {
		return field{Name: name, Label: label, Hint: "packets a second; empty: the default", Input: numberInput}
	}
	return &editable{
		Kind: inventory.Switch, List: "/switches",
		Start: map[string]string{"ports.0.id": "1", "ports.0.role": "local", "ports.1.id": "2", "ports.1.role": "transit"},
		Gone:  "The controller leaves the switch as it is: it goes on by the entries that it has until it is stopped.",
		Fields: []field{
			{Name: "address", Label: "P4Runtime address", Hint: "host and port of its server, as 127.0.0.1:9559"},
			{Name: "site", Label: "Site", Hint: "whose border it is", Input: choiceInput, Options: allSites},
			{Name: "target", Label: "Target", Hint: "what runs the program", Input: choiceInput, Options: texts("softswitch", "bmv2")},
			{Name: "device_id", Label: "Device id", Hint: "of P4Runtime; empty: 1", Input: numberInput},
			{Name: "ports", Label: "Ports", Row: "port", Hint: "local ones face sources and viewers, transit ones the RLOC space", Input: rowsInput, Fields: []field{
				{Name: "id", Label: "Port", Hint: "1 to 509", Input: numberInput},
				{Name: "role", Label: "Role", Hint: "loop: to itself, for bmv2", Input: choiceInput, Options: texts("local", "transit", "loop")},
				{Name: "address", Rest: "addresses", Label: "Addresses", Hint: "of the switch, with the subnet’s length: 10.0.0.1/24", Input: listInput},
				{Name: "next_hop", Rest: "next_hops", Label: "Next hops", Hint: "routers behind it, one a family", Input: listInput},
				{Name: "mtu", Label: "MTU", Hint: "of IP; empty: no limit", Input: numberInput, Rare: true},
				{Name: "channel_rate", Label: "Packets of channels", Hint: "a second, of a local port; empty: no limit", Input: numberInput, Rare: true},
				{Name: "peer", Label: "Peer", Hint: "of a loop port; empty: itself", Input: numberInput, Rare: true},
				{Name: "mac", Label: "MAC address", Hint: "empty: made from switch and port", Rare: true},
			}},
			{Name: "neighbors", Label: "Neighbors", Row: "neighbor", Hint: "hosts and routers with a known MAC address; others are found by ARP and ND", Input: rowsInput, Rare: true, Fields: []field{
				{Name: "address", Label: "Address", Hint: "as 10.0.0.10"},
				{Name: "mac", Label: "MAC address", Hint: "as 02:00:00:00:00:10"},
				{Name: "port", Label: "Port", Hint: "if it is in no port’s subnet, or in several", Input: numberInput},
			}},
			{Name: "punt_rates", Label: "Packets that may come to the controller", Hint: "by reason", Input: groupInput, Rare: true, Fields: []field{
				rate("map_cache_miss", "Map-cache misses"), rate("new_stream", "New streams"), rate("to_us", "To the switch itself"), rate("ttl", "TTL expired"),
				rate("neighbor", "Unknown neighbors"), rate("arp", "ARP"), rate("nd", "ND"), rate("too_big", "Too big"), rate("lisp_control", "LISP control"),
			}},
		},
	}
}

func texts(all ...string) func(*config.Config) []option {
	options := make([]option, len(all))
	for i, t := range all {
		options[i] = option{t, t}
	}
	return func(*config.Config) []option { return options }
}

// labelled takes pairs of value and label.
func labelled(pairs ...string) func(*config.Config) []option {
	var options []option
	for i := 0; i+1 < len(pairs); i += 2 {
		options = append(options, option{pairs[i], pairs[i+1]})
	}
	return func(*config.Config) []option { return options }
}

// maxOptions is how many of what there is a form offers.
const maxOptions = 1000

var choose = option{"", "choose"}

func allSites(cfg *config.Config) []option {
	return sitesWhere(cfg, func(*config.Site) bool { return true })
}

func channelSites(cfg *config.Config) []option {
	return sitesWhere(cfg, func(s *config.Site) bool { return s.ReservedEIDs.IsValid() })
}

func sitesWhere(cfg *config.Config, fits func(*config.Site) bool) []option {
	options := []option{choose}
	for i := range cfg.Sites {
		if s := &cfg.Sites[i]; fits(s) && len(options) < maxOptions {
			options = append(options, option{s.Name, s.Name})
		}
	}
	return options
}

func localPorts(cfg *config.Config) []option {
	options := []option{choose}
	for i := range cfg.Switches {
		sw := &cfg.Switches[i]
		for j := range sw.Ports {
			if p := &sw.Ports[j]; p.Role == config.Local && len(options) < maxOptions {
				id := strconv.Itoa(int(p.ID))
				options = append(options, option{portValue(sw.Name, id), fmt.Sprintf("%s, port %s (%s)", sw.Name, id, sw.Site)})
			}
		}
	}
	return options
}
