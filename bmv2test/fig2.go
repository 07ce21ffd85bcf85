package bmv2test

import (
	"context"
	"fmt"
	"math"
	"net/netip"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/softswitch/engine"
	"github.com/corecast/corecast/wire/inet"
)

// Names, ports and addresses of the Fig. 2 network. ETR d of 1…Domains is
// named by ETRName and has EIDs 10.d.0.0/16.
const (
	ITRName     = "itr1"
	SourceName  = "source"
	TransitName = "transit"
	ChannelName = "news"

	LocalPort   = 1 // source or viewers
	TransitPort = 2
	loopOut     = 3 // loop ports, on switches that need them
	loopIn      = 4
	SecondPort  = 5 // of ETR 1, if asked for

	SecondName = "second" // the host there

	// MediaPort is the UDP port of every viewer.
	MediaPort = 5004

	// MaxDomains is the most a Fig. 2 network can have: a domain has 16 bits
	// of EIDs under 10.0.0.0/8.
	MaxDomains = 250
	// slash24Domains is up to how many the RLOCs fit 192.0.2.0/24.
	slash24Domains = 200
	// maxDomainViewers is the most viewers a domain has EIDs for.
	maxDomainViewers = 254 * 250
)

// Fig2Options shape a Fig. 2 network. Zero values are the paper's figure: seven
// viewers in three domains.
type Fig2Options struct {
	Target     Target
	Clients    int
	Domains    int
	Redundancy uint8
	// StockGrowth configures softswitches as if they were stock bmv2: packets
	// grow by 512 bytes a pass, and through a loop. Target BMv2 implies it.
	StockGrowth bool
	// NoLoop leaves the loop out: what must grow further is dropped.
	NoLoop bool
	// DualStack adds IPv6: hosts and viewers have an IPv6 EID too, the channel
	// an IPv6 pair, and switches an IPv6 RLOC, by which alone the last domain
	// is reached.
	DualStack bool
	// SecondPort gives ETR 1 one more local port, with host SecondName on it.
	SecondPort bool
	// Configure changes the configuration before anything uses it.
	Configure func(*config.Config)
	// Tap sees every frame on the transit segment.
	Tap Tap
	// FromDomain takes each frame that domain d delivers to its viewers, from
	// one goroutine a domain. Without it the domain's host keeps them.
	FromDomain func(d int, frame []byte)
	// AtSecond and AtSource likewise take each frame that reaches the host on
	// ETR 1's second port, and the source.
	AtSecond, AtSource func(frame []byte)
	// Command starts the switches of Target BMv2 instead of BMv2Binary: a program
	// that takes its flags, and arguments before these.
	Command []string
	// Programs and Capture are as in Topology.
	Programs *engine.Cache
	Capture  int
}

// Viewer is a client of the channel. All viewers of a domain are behind one
// port of their ETR, and are told apart by EID and MAC address.
type Viewer struct {
	Index  int // from 0, through all domains
	Domain int // from 1
	EID    netip.AddrPort
	EID6   netip.AddrPort // in dual-stack networks
	MAC    inet.MAC
}

// Fig2 is the network of the paper's Fig. 2: a source behind its ITR, an ETR
// for every domain, viewers behind the ETRs, and one transit segment.
type Fig2 struct {
	*Network
	// Config makes a controller program the network.
	Config  *config.Config
	Viewers []Viewer
	Domains int
}

// NewFig2 builds a Fig. 2 network. ctx bounds the starting only.
func NewFig2(ctx context.Context, o Fig2Options) (*Fig2, error) {
	if o.Target == "" {
		o.Target = Softswitch
	}
	if o.Clients == 0 {
		o.Clients = 7
	}
	if o.Domains == 0 {
		o.Domains = 3
	}
	if o.Domains < 1 || o.Domains > MaxDomains {
		return nil, fmt.Errorf("%d domains: want 1 to %d", o.Domains, MaxDomains)
	}
	if limit := o.Domains * maxDomainViewers; o.Clients < 1 || o.Clients > limit {
		return nil, fmt.Errorf("%d clients in %d domains: want 1 to %d", o.Clients, o.Domains, limit)
	}
	if o.Target == BMv2 {
		o.StockGrowth = true
	}
	f := &Fig2{Domains: o.Domains, Viewers: placeViewers(o.Clients, o.Domains)}
	n, err := Build(ctx, f.topology(o))
	if err != nil {
		return nil, err
	}
	f.Network = n
	f.Config = f.config(o)
	if o.Configure != nil {
		o.Configure(f.Config)
	}
	if err := f.Config.Complete(); err != nil {
		n.Close()
		return nil, fmt.Errorf("configuration of the Fig. 2 network: %w", err)
	}
	return f, nil
}

// Program lets a controller fill the switches, then ends it. What the switches
// hold stays; whoever needs a controller later runs one with Config.
func (f *Fig2) Program(ctx context.Context) error {
	c, err := controller.New(f.Config, controller.Options{})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- c.Run(running) }()
	err = c.WaitReady(ctx)
	cancel()
	<-done
	return err
}

// placeViewers numbers the viewers in order through the domains: domain d of j
// holds round(k·d/j) − round(k·(d−1)/j) of k.
func placeViewers(clients, domains int) []Viewer {
	viewers := make([]Viewer, 0, clients)
	for d := 1; d <= domains; d++ {
		end := int(math.Round(float64(clients) * float64(d) / float64(domains)))
		for i := 0; len(viewers) < end; i++ {
			eid := netip.AddrFrom4([4]byte{10, byte(d), byte(1 + i/250), byte(1 + i%250)})
			viewers = append(viewers, Viewer{
				Index: len(viewers), Domain: d,
				EID: netip.AddrPortFrom(eid, MediaPort), EID6: netip.AddrPortFrom(EID6(eid), MediaPort), MAC: HostMAC(eid),
			})
		}
	}
	return viewers
}

// ETRName returns the name of the ETR of domain d.
func ETRName(d int) string { return fmt.Sprintf("etr%d", d) }

// DomainName returns the name of the host, and of the site, of domain d.
func DomainName(d int) string { return fmt.Sprintf("domain%d", d) }

// SwitchName returns the name of the ITR (d = 0) or of ETR d.
func SwitchName(d int) string {
	if d == 0 {
		return ITRName
	}
	return ETRName(d)
}

func (f *Fig2) topology(o Fig2Options) Topology {
	t := Topology{Programs: o.Programs, Capture: o.Capture}
	transit := SegmentSpec{Name: TransitName, Tap: o.Tap}
	for d := 0; d <= o.Domains; d++ {
		spec := SwitchSpec{
			Name: SwitchName(d), DeviceID: uint64(d + 1), Target: o.Target,
			Ports: []uint32{LocalPort, TransitPort}, command: o.Command,
		}
		if o.StockGrowth && !o.NoLoop {
			spec.Ports = append(spec.Ports, loopOut, loopIn)
			spec.Loop = [2]uint32{loopOut, loopIn}
		}
		if d == 1 && o.SecondPort {
			spec.Ports = append(spec.Ports, SecondPort)
			t.Hosts = append(t.Hosts, HostSpec{
				Name: SecondName, Addr: secondHost, MAC: HostMAC(secondHost), Handler: o.AtSecond,
				At: Attachment{spec.Name, SecondPort}, Gateway: SwitchMAC(d, SecondPort),
			})
		}
		t.Switches = append(t.Switches, spec)
		transit.Members = append(transit.Members, Member{
			At: Attachment{spec.Name, TransitPort}, MAC: SwitchMAC(d, TransitPort),
		})
		host := HostSpec{Name: SourceName, Addr: SourceEID, Handler: o.AtSource}
		if d > 0 {
			host = HostSpec{Name: DomainName(d), Addr: domainHost(d)}
			if o.FromDomain != nil {
				host.Handler = func(frame []byte) { o.FromDomain(d, frame) }
			}
		}
		host.At, host.Gateway = Attachment{spec.Name, LocalPort}, SwitchMAC(d, LocalPort)
		host.MAC = HostMAC(host.Addr)
		t.Hosts = append(t.Hosts, host)
	}
	t.Segments = []SegmentSpec{transit}
	return t
}
