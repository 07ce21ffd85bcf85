package mapserver

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/corecast/corecast/store"
)

// Options tune a Server; the zero value works.
type Options struct {
	// Store keeps registrations, nonces and subscriptions over a restart; nil
	// keeps them in memory only.
	Store store.Store
	// Shared says that other Map-Servers have the store too: what they take is
	// merged into what this one knows, while Follow runs. Node is this one's name
	// among them.
	Shared bool
	Node   string
	// FlushInterval is how long a change waits at most before it is written,
	// and so what a crash can lose; 0 means 200 ms.
	FlushInterval time.Duration

	// NoIPv4 and NoIPv6 say that the server has no way to send by that family.
	NoIPv4, NoIPv6 bool

	// Upstream are Map-Resolvers that know of EIDs outside all sites:
	// Map-Requests for these are forwarded to one of them, in turn. Without,
	// they are answered with Natively-Forward.
	Upstream []netip.AddrPort

	// MaxTTL caps the TTL of mappings in replies; 0 means 24 h.
	MaxTTL time.Duration

	// RequestRate is how many Map-Requests a second are taken from one source,
	// 0 means 20,000; negative: any number. As many may come at once.
	RequestRate int
	// ReflectedRate is how many bytes a second of Map-Replies go to one ITR-RLOC
	// that the Map-Requests did not come from: an honest ITR needs few, and
	// somebody else's victim should get no more. 0 means 65,536; negative: any
	// number.
	ReflectedRate int
	// RegisterRate is how many records of Map-Registers a second are taken from
	// one source; 0 means 400,000.
	RegisterRate int
	// ForgedRate is how many kilobytes a second of Map-Registers that fail
	// authentication are looked at, for one source that is known to be an xTR,
	// and for all other sources together; 0 means 16,384.
	ForgedRate int

	// MaxHolders bounds how many requesters are remembered to be told of
	// changes (SMR), MaxHoldersPerMapping those of one mapping; 0 means
	// 262,144 and 64.
	MaxHolders, MaxHoldersPerMapping int
	// MaxSubscriptions bounds PubSub, MaxSubscriptionsPerXTR that of one xTR;
	// 0 means 1,048,576 and 65,536.
	MaxSubscriptions, MaxSubscriptionsPerXTR int
	// MaxXTRs bounds the xTR-IDs that are remembered for one site, each with its
	// last nonces; 0 means 65,536.
	MaxXTRs int
}

// Limits that no configuration changes.
const (
	// maxLocators bounds the locators of one mapping, so that its record fits
	// any packet.
	maxLocators = 32
	// maxRecordSize bounds the encoded record of a mapping.
	maxRecordSize = 1200
	// maxReplySize is how large a Map-Reply may get before further records go
	// into another, so that IP need not fragment it; maxAnswerSize is that for
	// what answers for one EID, without header and CoreCast locator.
	maxReplySize  = 1400
	maxAnswerSize = 1320
	// maxReplies and maxForwards bound what one Map-Request is answered with,
	// and to how many it is sent on.
	maxReplies  = 4
	maxForwards = 16
	// maxTimeout bounds how long anything is configured to last.
	maxTimeout = 365 * 24 * time.Hour
	// maxReplyRecords bounds the records that one asked EID is answered with.
	maxReplyRecords = 32
)

func orDefault[T int | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

func (o *Options) complete() error {
	for _, u := range o.Upstream {
		if !routable(u.Addr()) || u.Port() == 0 {
			return fmt.Errorf("upstream Map-Resolver %s: want an address and port, such as 192.0.2.1:4342", u)
		}
	}
	if o.Shared && (o.Store == nil || o.Node == "") {
		return fmt.Errorf("a shared store: want Store, and Node, this server's name among those that have it")
	}
	if o.NoIPv4 && o.NoIPv6 {
		return fmt.Errorf("neither IPv4 nor IPv6: the Map-Server could not answer anybody")
	}
	if o.MaxTTL != 0 && (o.MaxTTL < time.Minute || o.MaxTTL > maxTimeout) {
		return fmt.Errorf("longest TTL %s: want 1m to %s, or 0 for 24h", o.MaxTTL, maxTimeout)
	}
	o.FlushInterval = orDefault(o.FlushInterval, 200*time.Millisecond)
	o.MaxTTL = orDefault(o.MaxTTL, 24*time.Hour)
	o.RequestRate = orDefault(o.RequestRate, 20_000)
	o.ReflectedRate = orDefault(o.ReflectedRate, 64<<10)
	o.RegisterRate = orDefault(o.RegisterRate, 400_000)
	o.ForgedRate = orDefault(o.ForgedRate, 16_384)
	o.MaxHolders = orDefault(o.MaxHolders, 1<<18)
	o.MaxHoldersPerMapping = orDefault(o.MaxHoldersPerMapping, 64)
	o.MaxSubscriptions = orDefault(o.MaxSubscriptions, 1<<20)
	o.MaxSubscriptionsPerXTR = orDefault(o.MaxSubscriptionsPerXTR, 1<<16)
	o.MaxXTRs = orDefault(o.MaxXTRs, 1<<16)
	return nil
}
