package northbound

import (
	"context"
	"sync"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// loadPeriod is how old what /metrics tells of switches may be: however many
	// ask, switches are asked no more often.
	loadPeriod = time.Second
	// loadTime is how long switches may take to answer, all at once.
	loadTime = 4 * time.Second
	// loadChannels is how many channels have metrics, of each switch.
	loadChannels = 1000
)

// loads are what the switches have counted, read when Prometheus asks.
type loads struct {
	opts *Options

	mu   sync.Mutex // held while switches are asked
	at   time.Time
	last map[string]controller.SwitchLoad // without those that did not answer
}

var (
	countersDesc = prometheus.NewDesc("corecast_switch_counters_readable",
		"1 if the counters of the switch could be read; by the controller that masters it.", []string{"switch"}, nil)
	switchDropsDesc = prometheus.NewDesc("corecast_switch_drops_total",
		"Packets that a switch dropped, by reason.", []string{"switch", "reason"}, nil)
	channelPacketsDesc = prometheus.NewDesc("corecast_channel_packets_total",
		"Packets of a channel at a switch, by what happened to them; of the first 1000 channels by name.", []string{"channel", "switch", "event"}, nil)
	channelBytesDesc = prometheus.NewDesc("corecast_channel_bytes_total",
		"Bytes of them, as the switch counts them.", []string{"channel", "switch", "event"}, nil)
)

// Describe implements prometheus.Collector.
func (l *loads) Describe(ch chan<- *prometheus.Desc) {
	ch <- countersDesc
	ch <- switchDropsDesc
	ch <- channelPacketsDesc
	ch <- channelBytesDesc
}

// Collect implements prometheus.Collector.
func (l *loads) Collect(ch chan<- prometheus.Metric) {
	counter := func(desc *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
	}
	read := l.read()
	for _, sw := range l.opts.Controller.Status().Switches {
		if !l.opts.masters(&sw) {
			continue // its master tells
		}
		load, ok := read[sw.Name]
		readable := 0.0
		if ok {
			readable = 1
		}
		ch <- prometheus.MustNewConstMetric(countersDesc, prometheus.GaugeValue, readable, sw.Name)
		for reason, n := range load.Drops {
			counter(switchDropsDesc, n.Packets, sw.Name, reason)
		}
		for channel, events := range load.Channels {
			for event, n := range events {
				if n.Packets > 0 { // channels times events would be many
					counter(channelPacketsDesc, n.Packets, channel, sw.Name, event)
					counter(channelBytesDesc, n.Bytes, channel, sw.Name, event)
				}
			}
		}
	}
}

// read asks all switches, unless that was done a moment ago.
func (l *loads) read() map[string]controller.SwitchLoad {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) < loadPeriod {
		return l.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadTime)
	defer cancel()
	var mu sync.Mutex
	all := map[string]controller.SwitchLoad{}
	var wg sync.WaitGroup
	for _, sw := range l.opts.Controller.Status().Switches {
		if sw.Phase != controller.Ready && sw.Phase != controller.Syncing {
			continue
		}
		wg.Go(func() {
			if load, err := l.opts.Controller.SwitchLoad(ctx, sw.Name, loadChannels); err == nil {
				mu.Lock()
				defer mu.Unlock()
				all[sw.Name] = load
			}
		})
	}
	wg.Wait()
	l.last, l.at = all, time.Now()
	return all
}
