package northbound

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/cluster"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
	"github.com/corecast/corecast/northbound/auth"
	"github.com/corecast/corecast/northbound/live"
	"github.com/corecast/corecast/northbound/ui"
	"github.com/corecast/corecast/northbound/webhook"
	"github.com/corecast/corecast/store"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/time/rate"
)

// MapServer is what is asked of a *mapserver.Server.
type MapServer interface {
	Mappings(mapserver.MappingFilter) []mapserver.Mapping
	Sites() []mapserver.SiteStatus
	Site(name string) (mapserver.SiteStatus, bool)
	Counters() mapserver.Counters
	Rejects() []mapserver.Reject // of no site, newest first
}

// Endpoint is what is asked of a *udp.Endpoint.
type Endpoint interface {
	Addresses() []netip.AddrPort
	Stats() udp.Stats
}

// Controller is what is asked of a *controller.Controller.
type Controller interface {
	live.Counters
	Status() controller.Status
	SwitchLoad(ctx context.Context, switchName string, channels int) (controller.SwitchLoad, error)
	Export(switchName string) (controller.Writes, error)
	ExportHeld(ctx context.Context, switchName string) (controller.Writes, error)
	Tables(switchName string) []controller.TableUse
	Objects(kind controller.Kind, name string) []controller.ObjectStatus
	Preview(*config.Config) ([]controller.Preview, error)
	Received() []controller.Received
}

// Cluster is what is asked of a *cluster.Cluster.
type Cluster interface {
	Self() cluster.Member
	Nodes() []cluster.Member
	Err() error // why this node is not one of them
}

// Options are what a Server tells about.
type Options struct {
	// Config returns the configuration in use, but for its channels.
	Config     func() *config.Config
	Controller Controller
	MapServer  MapServer
	// Endpoint is where the Map-Server listens; nil if it does not.
	Endpoint Endpoint
	// Cluster is the controllers that share the switches; nil if this one has them
	// alone.
	Cluster Cluster
	// Store is what a backup is made of; nil if nothing is stored.
	Store store.Store
	// FeedError is why the last change of a mapping did not get to the
	// switches; nil if it did.
	FeedError func() error
	// Webhooks tells how telling each webhook goes, by its name; nil if there is
	// none.
	Webhooks func() map[string]webhook.Counters
	// Inventory is the desired state, which requests change.
	Inventory Inventory
	// Events is what happened lately.
	Events Events
	// Gate lets requests in; nil lets in all of this host.
	Gate *auth.Gate
	// Version is that of the program, Started when it was started.
	Version string
	Started time.Time
	// Logger takes what an operator wants to read later; nil discards it.
	Logger *slog.Logger
}

// Server answers HTTP requests. Make it with New.
type Server struct {
	opts    Options
	log     *slog.Logger
	gate    *auth.Gate
	says    *rate.Limiter // how often refusals are logged
	times   times
	api     huma.API
	dry     chan struct{} // capacity 1: held by a dry run
	sources *sources
	frames  frames
	closing chan struct{} // closed when Serve ends: those who follow events are sent away
	metrics *metrics
	ui      *ui.UI
	handler http.Handler

	backingUp sync.Mutex // held while a backup is made
}

// New makes a Server.
func New(opts Options) *Server {
	s := &Server{
		opts: opts, log: opts.Logger, gate: opts.Gate, says: rate.NewLimiter(refusalsLogged, 10*refusalsLogged), times: clientTimes(),
		dry: make(chan struct{}, 1), sources: newSources(), closing: make(chan struct{}),
	}
	if s.gate == nil {
		s.gate = auth.NewOpen()
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.metrics = newMetrics(&s.opts)

	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("CoreCast", "1.0.0")
	cfg.Info.Description = "The controller of CoreCast: its Map-Server, its sites and its switches."
	cfg.DocsPath, cfg.SchemasPath = "", "" // they would load from elsewhere
	cfg.CreateHooks = nil                  // no $schema in every answer
	cfg.Components = &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName), SecuritySchemes: auth.Schemes()}
	cfg.Transformers = append(cfg.Transformers, asFailure)
	s.api = humago.New(mux, cfg)
	s.api.UseMiddleware(s.authorize, s.refuseUnknown, s.readBody)
	s.registerMappings()
	s.registerSites()
	s.registerSwitches()
	s.registerChannels()
	s.registerStreams()
	s.registerSources()
	s.registerEvents()
	s.registerExport()
	s.registerBackup()
	s.registerStatus()
	mendSchemas(s.api.OpenAPI())
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	s.ui = newDashboard(s)
	s.ui.Register(mux)
	mux.HandleFunc("/", notFound(mux))
	s.handler = s.guard(s.admit(s.metrics.count(mux, s.tooSlow)))
	return s
}

// Handler answers requests.
func (s *Server) Handler() http.Handler { return s.handler }

// OpenAPI is the document that describes the API.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }
