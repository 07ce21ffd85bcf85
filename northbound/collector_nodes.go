package northbound

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/corecast/corecast/northbound/webhook"
)

// nodeCollector tells of this controller among others, and of whom it tells.
type nodeCollector struct{ opts *Options }

var (
	nodesDesc = prometheus.NewDesc("corecast_cluster_nodes",
		"Controllers that share the switches, as this one knows.", nil, nil)
	joinedDesc = prometheus.NewDesc("corecast_cluster_joined",
		"1 if this controller is one of them; else it masters no switch.", nil, nil)
	mastersDesc = prometheus.NewDesc("corecast_cluster_switches",
		"Switches that this controller masters.", nil, nil)
)

type hookCounters = webhook.Counters

var hookMetrics = []metric[hookCounters]{
	counterOf("webhook_delivered_total", "Events that the server was told of.", func(c *hookCounters) uint64 { return c.Delivered }, "hook"),
	counterOf("webhook_dead_total", "Events that the server refused again and again, and that are given up.", func(c *hookCounters) uint64 { return c.Dead }, "hook"),
	counterOf("webhook_missed_total", "Times that events were no longer kept when the server could be told of them.", func(c *hookCounters) uint64 { return c.Missed }, "hook"),
	counterOf("webhook_failures_total", "Requests to the server that failed.", func(c *hookCounters) uint64 { return c.Failures }, "hook"),
	gaugeOf("webhook_failing", "1 if the last request failed.", func(c *hookCounters) int { return oneIf(c.Failing) }, "hook"),
}

func oneIf(is bool) int {
	if is {
		return 1
	}
	return 0
}

// Describe implements prometheus.Collector.
func (c *nodeCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- nodesDesc
	ch <- joinedDesc
	ch <- mastersDesc
	describe(ch, hookMetrics)
}

// Collect implements prometheus.Collector.
func (c *nodeCollector) Collect(ch chan<- prometheus.Metric) {
	if c.opts.Webhooks != nil {
		for name, counters := range c.opts.Webhooks() {
			collect(ch, hookMetrics, &counters, name)
		}
	}
	if c.opts.Cluster == nil {
		return
	}
	gauge := func(desc *prometheus.Desc, n int) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n))
	}
	nodes := c.opts.Cluster.Nodes()
	gauge(nodesDesc, len(nodes))
	gauge(joinedDesc, oneIf(c.opts.Cluster.Err() == nil))
	masters := 0
	for _, m := range nodes {
		if m.ID == c.opts.Cluster.Self().ID {
			masters = m.Masters
		}
	}
	gauge(mastersDesc, masters)
}
