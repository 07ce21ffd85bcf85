package northbound

import (
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/corecast/corecast/northbound/auth"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics serves. docs/metrics.md lists them; names stay.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refused  *prometheus.CounterVec

	followers prometheus.Gauge
	left      *prometheus.CounterVec
}

func newMetrics(opts *Options) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "corecast_http_requests_total", Help: "HTTP requests, by pattern and status.",
		}, []string{"pattern", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "corecast_http_request_duration_seconds", Help: "How long HTTP requests took.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
		}, []string{"pattern"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "corecast_http_refused_total", Help: "HTTP requests that were refused or given up, by reason.",
		}, []string{"reason"}),
	}
	m.followers = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "corecast_events_followers", Help: "Clients that follow the events.",
	})
	m.left = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "corecast_events_left_total", Help: "Clients that followed the events and no longer do, by reason.",
	}, []string{"reason"})
	dropped := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "corecast_events_dropped_total", Help: "Events of switches, sites and streams that were not recorded: too many at once.",
	}, func() float64 { return float64(opts.Events.Dropped()) })
	for _, reason := range leftReasons() {
		m.left.WithLabelValues(reason)
	}
	for _, reason := range auth.Reasons() {
		m.refused.WithLabelValues(string(reason))
	}
	m.registry.MustRegister(m.requests, m.duration, m.refused, m.followers, m.left, dropped, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{opts: opts}, &loads{opts: opts}, &nodeCollector{opts: opts})
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// count counts requests by the pattern that took them, never by their path:
// paths are the clients' to choose. slow is told of clients that did not read the
// answer in time.
func (m *metrics) count(next http.Handler, slow func(*http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, rec := time.Now(), &recorder{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(rec, r)
		m.requests.WithLabelValues(r.Pattern, strconv.Itoa(rec.code)).Inc()
		m.duration.WithLabelValues(r.Pattern).Observe(time.Since(start).Seconds())
		if rec.slow {
			slow(r)
		}
	})
}

// recorder remembers how an answer went.
type recorder struct {
	http.ResponseWriter
	code int
	slow bool // the client did not take it in time
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	r.code = code
	r.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.slow = r.slow || errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}

// FlushError is what http.ResponseController calls to flush.
func (r *recorder) FlushError() error {
	err := http.NewResponseController(r.ResponseWriter).Flush()
	r.slow = r.slow || errors.Is(err, os.ErrDeadlineExceeded)
	return err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
