package northbound

import (
	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
	"github.com/prometheus/client_golang/prometheus"
)

// collector asks the Map-Server and the controller when Prometheus asks.
type collector struct{ opts *Options }

// metric is one that is computed from a T.
type metric[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*T) float64
}

func counterOf[T any, N uint64 | int](name, help string, value func(*T) N, labels ...string) metric[T] {
	return metric[T]{prometheus.NewDesc("corecast_"+name, help, labels, nil), prometheus.CounterValue,
		func(t *T) float64 { return float64(value(t)) }}
}

func gaugeOf[T any, N uint64 | int | float64](name, help string, value func(*T) N, labels ...string) metric[T] {
	return metric[T]{prometheus.NewDesc("corecast_"+name, help, labels, nil), prometheus.GaugeValue,
		func(t *T) float64 { return float64(value(t)) }}
}

func describe[T any](ch chan<- *prometheus.Desc, list []metric[T]) {
	for _, m := range list {
		ch <- m.desc
	}
}

func collect[T any](ch chan<- prometheus.Metric, list []metric[T], t *T, labels ...string) {
	for _, m := range list {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(t), labels...)
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, serverMetrics)
	describe(ch, siteMetrics)
	describe(ch, socketMetrics)
	describe(ch, switchMetrics)
	ch <- droppedDesc
	ch <- rejectedDesc
	ch <- puntsDesc
	ch <- buildDesc
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(buildDesc, prometheus.GaugeValue, 1, c.opts.Version)
	counters := c.opts.MapServer.Counters()
	collect(ch, serverMetrics, &counters)
	for cause, n := range counters.Dropped {
		ch <- prometheus.MustNewConstMetric(droppedDesc, prometheus.CounterValue, float64(n), cause)
	}
	for _, st := range c.opts.MapServer.Sites() {
		collect(ch, siteMetrics, &st, st.Name)
		for cause, n := range st.Rejected {
			if n > 0 { // sites times causes would be many
				ch <- prometheus.MustNewConstMetric(rejectedDesc, prometheus.CounterValue, float64(n), st.Name, cause)
			}
		}
	}
	if c.opts.Endpoint != nil {
		stats := c.opts.Endpoint.Stats()
		collect(ch, socketMetrics, &stats)
	}
	for _, sw := range c.opts.Controller.Status().Switches {
		if !c.opts.masters(&sw) { // its master tells
			continue
		}
		collect(ch, switchMetrics, &sw, sw.Name)
		for reason, n := range sw.Punts {
			ch <- prometheus.MustNewConstMetric(puntsDesc, prometheus.CounterValue, float64(n), sw.Name, reason)
		}
	}
}

// masters reports whether a switch is this controller's.
func (o *Options) masters(sw *controller.SwitchStatus) bool {
	return sw.Phase != controller.Standby && (sw.Master == "" || o.Cluster != nil && sw.Master == o.Cluster.Self().Name)
}

var (
	buildDesc = prometheus.NewDesc("corecast_build_info", "1, with the version of corecast.", []string{"version"}, nil)

	droppedDesc = prometheus.NewDesc("corecast_mapserver_dropped_total",
		"Messages and records that were not accepted, by cause.", []string{"cause"}, nil)
	rejectedDesc = prometheus.NewDesc("corecast_site_rejected_total",
		"Map-Registers and records of a site that were not accepted, by cause.", []string{"site", "cause"}, nil)
	puntsDesc = prometheus.NewDesc("corecast_switch_punts_total",
		"Packets that a switch sent to the controller, by reason.", []string{"switch", "reason"}, nil)
)

type counters = mapserver.Counters

var serverMetrics = []metric[counters]{
	counterOf("mapserver_map_requests_total", "Map-Requests taken.", func(c *counters) uint64 { return c.Requests }),
	counterOf("mapserver_requested_eids_total", "EID-prefixes asked for in Map-Requests.", func(c *counters) uint64 { return c.RequestedEIDs }),
	counterOf("mapserver_map_replies_total", "Map-Replies sent.", func(c *counters) uint64 { return c.Replies }),
	counterOf("mapserver_negative_records_total", "Records without locators in Map-Replies.", func(c *counters) uint64 { return c.NegativeRecords }),
	counterOf("mapserver_forwarded_total", "Map-Requests forwarded to xTRs.", func(c *counters) uint64 { return c.Forwarded }),
	counterOf("mapserver_upstream_total", "Map-Requests forwarded to upstream Map-Resolvers.", func(c *counters) uint64 { return c.Upstream }),
	counterOf("mapserver_referrals_total", "Map-Referrals sent: this is no DDT node.", func(c *counters) uint64 { return c.Referrals }),
	counterOf("mapserver_map_registers_total", "Map-Registers accepted.", func(c *counters) uint64 { return c.Registers }),
	counterOf("mapserver_records_total", "Records in accepted Map-Registers.", func(c *counters) uint64 { return c.Records }),
	counterOf("mapserver_map_notifies_total", "Map-Notifies that acknowledge Map-Registers.", func(c *counters) uint64 { return c.Notifies }),
	counterOf("mapserver_publications_total", "Map-Notifies to subscribers, without retransmissions.", func(c *counters) uint64 { return c.Publications }),
	counterOf("mapserver_retransmissions_total", "Map-Notifies sent again.", func(c *counters) uint64 { return c.Retransmissions }),
	counterOf("mapserver_acknowledged_total", "Map-Notifies that a Map-Notify-Ack has answered.", func(c *counters) uint64 { return c.Acks }),
	counterOf("mapserver_unacknowledged_total", "Map-Notifies given up without a Map-Notify-Ack.", func(c *counters) uint64 { return c.Unacknowledged }),
	counterOf("mapserver_smrs_total", "Solicit-Map-Requests sent.", func(c *counters) uint64 { return c.SMRs }),
	counterOf("mapserver_changes_total", "Mappings that appeared, changed or went.", func(c *counters) uint64 { return c.Changes }),
	counterOf("mapserver_expired_total", "Registrations that timed out.", func(c *counters) uint64 { return c.Expired }),
	counterOf("mapserver_subscribed_total", "PubSub subscriptions made or renewed.", func(c *counters) uint64 { return c.Subscribed }),
	counterOf("mapserver_unsubscribed_total", "PubSub subscriptions that ended.", func(c *counters) uint64 { return c.Unsubscribed }),
	counterOf("mapserver_watchers_resynced_total", "Times that a part of this controller was too slow to follow the mappings, and read all of them again.", func(c *counters) uint64 { return c.WatchersResynced }),
	counterOf("mapserver_unrestored_total", "Registrations of the store that could not be taken at the start.", func(c *counters) uint64 { return c.Unrestored }),
	counterOf("mapserver_merged_total", "Registrations of the store taken from other controllers, or this one's again.", func(c *counters) uint64 { return c.Merged }),
	gaugeOf("mapserver_mappings", "Mappings that are registered.", func(c *counters) int { return c.Mappings }),
	gaugeOf("mapserver_static_mappings", "EID-prefixes answered with configured RLOCs.", func(c *counters) int { return c.Static }),
	gaugeOf("mapserver_unregistered_prefixes", "EID-prefixes of sites without any mapping.", func(c *counters) int { return c.Unregistered }),
	gaugeOf("mapserver_registrations", "Registrations; more than mappings where several xTRs registered one.", func(c *counters) int { return c.Registrations }),
	gaugeOf("mapserver_subscriptions", "PubSub subscriptions.", func(c *counters) int { return c.Subscriptions }),
	gaugeOf("mapserver_unacked", "Map-Notifies that wait for their Map-Notify-Ack.", func(c *counters) int { return c.Unacked }),
	gaugeOf("mapserver_holders", "Requesters remembered for SMRs.", func(c *counters) int { return c.Holders }),
	counterOf("mapserver_holders_forgotten_total", "Requesters not remembered for SMRs: no room.", func(c *counters) uint64 { return c.HoldersForgotten }),

	gaugeOf("store_waiting", "Changes of registrations, subscriptions and nonces not yet written.", func(c *counters) int { return c.Persistence.Waiting }),
	counterOf("store_written_total", "Changes of registrations, subscriptions and nonces written.", func(c *counters) uint64 { return c.Persistence.Written }),
	counterOf("store_coalesced_total", "Changes replaced by later ones before they were written.", func(c *counters) uint64 { return c.Persistence.Coalesced }),
	counterOf("store_dropped_total", "Changes not written: too many waited.", func(c *counters) uint64 { return c.Persistence.Dropped }),
	counterOf("store_flushes_total", "Transactions written.", func(c *counters) uint64 { return c.Persistence.Flushes }),
	counterOf("store_failures_total", "Transactions that failed, and were tried again.", func(c *counters) uint64 { return c.Persistence.Failures }),
}

type siteStatus = mapserver.SiteStatus

var siteMetrics = []metric[siteStatus]{
	gaugeOf("site_mappings", "Mappings that are registered.", func(s *siteStatus) int { return s.Mappings }, "site"),
	counterOf("site_map_registers_total", "Map-Registers accepted.", func(s *siteStatus) uint64 { return s.Registers }, "site"),
	counterOf("site_records_total", "Records in accepted Map-Registers.", func(s *siteStatus) uint64 { return s.Records }, "site"),
	counterOf("site_withdrawals_total", "Records with TTL 0.", func(s *siteStatus) uint64 { return s.Withdrawals }, "site"),
	counterOf("site_requests_total", "EID-prefixes asked for that fell to the site.", func(s *siteStatus) uint64 { return s.Requests }, "site"),
	counterOf("site_forwarded_total", "Map-Requests forwarded to the site's xTRs.", func(s *siteStatus) uint64 { return s.Forwarded }, "site"),
	counterOf("site_changes_total", "Mappings that appeared, changed or went.", func(s *siteStatus) uint64 { return s.Changes }, "site"),
	gaugeOf("site_subscriptions", "PubSub subscriptions of the site's xTRs.", func(s *siteStatus) int { return s.Subscriptions }, "site"),
	gaugeOf("site_last_register_timestamp_seconds", "When a Map-Register was accepted last; 0 if never.", lastRegister, "site"),
}

func lastRegister(s *siteStatus) float64 {
	if s.LastRegister.IsZero() {
		return 0
	}
	return float64(s.LastRegister.UnixMilli()) / 1000
}

var socketMetrics = []metric[udp.Stats]{
	counterOf("udp_received_total", "Datagrams received.", func(s *udp.Stats) uint64 { return s.Received }),
	counterOf("udp_received_bytes_total", "Bytes of them.", func(s *udp.Stats) uint64 { return s.ReceivedBytes }),
	counterOf("udp_receive_drops_total", "Datagrams that the kernel dropped before they were read.", func(s *udp.Stats) uint64 { return s.ReceiveDrops }),
	counterOf("udp_receive_errors_total", "System calls that failed to receive.", func(s *udp.Stats) uint64 { return s.ReceiveErrors }),
	counterOf("udp_sent_total", "Datagrams sent.", func(s *udp.Stats) uint64 { return s.Sent }),
	counterOf("udp_sent_bytes_total", "Bytes of them.", func(s *udp.Stats) uint64 { return s.SentBytes }),
	counterOf("udp_send_full_total", "Datagrams not sent: the send buffer was full.", func(s *udp.Stats) uint64 { return s.SendFull }),
	counterOf("udp_send_failed_total", "Datagrams that the system refused to send.", func(s *udp.Stats) uint64 { return s.SendFailed + s.SendShort }),
	counterOf("udp_send_unroutable_total", "Datagrams not sent: no address of their family is listened on.", func(s *udp.Stats) uint64 { return s.SendUnroutable }),
}

type switchStatus = controller.SwitchStatus

var switchMetrics = []metric[switchStatus]{
	gaugeOf("switch_ready", "1 if the switch holds all that is wanted.", switchReady, "switch"),
	gaugeOf("switch_wanted", "Entries, groups and meter cells that the switch is to hold.", func(s *switchStatus) int { return s.Wanted }, "switch"),
	gaugeOf("switch_installed", "Of these, that it is known to hold.", func(s *switchStatus) int { return s.Installed }, "switch"),
	gaugeOf("switch_problems", "What is wanted and cannot be programmed.", func(s *switchStatus) int { return len(s.Problems) }, "switch"),
	counterOf("switch_updates_total", "Updates written.", func(s *switchStatus) uint64 { return s.Updates }, "switch"),
	counterOf("switch_retries_total", "Attempts to reconcile that failed.", func(s *switchStatus) uint64 { return s.Retries }, "switch"),
	counterOf("switch_punts_dropped_total", "Packets to the controller that came faster than they were taken.", func(s *switchStatus) uint64 { return s.PuntsDropped }, "switch"),
}

func switchReady(s *switchStatus) int {
	if s.Phase == controller.Ready {
		return 1
	}
	return 0
}
