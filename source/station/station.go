package station

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/source/credential"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/viewerapi"
	"github.com/corecast/corecast/source/viewerapi/auth"
	"github.com/corecast/corecast/store"
)

// Station is a source that is ready to run.
type Station struct {
	cfg      *Config
	channels []*channel
	locator  *locator
	listener net.Listener // of the viewer API; nil for none
	server   *viewerapi.Server
	prover   *viewerapi.Prover
	store    store.Store // nil for none
	// closeStore closes the store if it is this station's own.
	closeStore func()
	say        func(message string)
}

// New opens all that the configuration names. Close, or Run, closes it. Say is
// told in words what happens, by any goroutine.
func New(ctx context.Context, cfg *Config, say func(message string)) (*Station, error) {
	if cfg.Store == "" {
		return NewOn(ctx, nil, cfg, say)
	}
	kept, err := store.Open(ctx, cfg.Store)
	if err != nil {
		return nil, err
	}
	s, err := NewOn(ctx, kept, cfg, say)
	if err != nil {
		_ = kept.Close()
		return nil, err
	}
	s.closeStore = func() { _ = kept.Close() }
	return s, nil
}

// NewOn is New with a store that stays open; nil for none.
func NewOn(ctx context.Context, kept store.Store, cfg *Config, say func(message string)) (_ *Station, err error) {
	s := &Station{cfg: cfg, say: say, store: kept, closeStore: func() {}}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.locator, err = newLocator(cfg, say); err != nil {
		return nil, err
	}
	most := cfg.Limits.Viewers
	if most == 0 {
		most = dstlist.DefaultLimit
	}
	limit := dstlist.NewLimit(most)
	for i := range cfg.Channels {
		c, err := s.openChannel(i, limit)
		if err != nil {
			return nil, err
		}
		s.channels = append(s.channels, c)
	}
	if err := s.openAPI(ctx); err != nil {
		return nil, err
	}
	return s, s.begin()
}

// begin makes the channels ready: those that are kept are made so later.
func (s *Station) begin() error {
	for _, c := range s.channels {
		switch {
		case c.keep == nil:
			if err := s.joinForGood(c); err != nil {
				return err
			}
		case s.server != nil:
			s.server.End(c.cfg.Name, "")
		}
	}
	return nil
}

// locate is how a viewer of a channel is served, as far as is known now.
func (s *Station) locate(name string, v dstlist.Viewer) dstlist.Delivery {
	i := slices.IndexFunc(s.channels, func(c *channel) bool { return c.cfg.Name == name })
	to, _ := s.locator.find(s.channels[i].cfg, v)
	return to
}

func (s *Station) openAPI(ctx context.Context) error {
	if s.cfg.Listen == "" {
		return nil
	}
	opts := viewerapi.Options{
		Limits: viewerapi.Limits{TTL: s.cfg.Limits.TTL, PerAddress: s.cfg.Limits.PerAddress},
		Locate: s.locate,
	}
	if s.locator.client != nil {
		opts.Mappings = func() any { return s.Mappings() }
	}
	var err error
	if opts.Auth, err = s.authorizer(ctx); err != nil {
		return err
	}
	if s.cfg.Proof != "" {
		if s.prover, err = viewerapi.NewProver(s.cfg.Proof); err != nil {
			return err
		}
		opts.Prover = s.prover
	}
	// Complete has read the secrets before.
	opts.OperatorToken, _ = s.cfg.Operator.get()
	secret, _ := s.cfg.Webhook.Secret.get()
	opts.Webhook = viewerapi.Webhook{URL: s.cfg.Webhook.URL, Secret: secret, Failed: s.say}
	for _, p := range s.cfg.Proxies {
		prefix, _ := parseProxy(p)
		opts.TrustedProxies = append(opts.TrustedProxies, prefix)
	}
	var all []viewerapi.Channel
	for _, c := range s.channels {
		all = append(all, viewerapi.Channel{Name: c.cfg.Name, Title: c.cfg.Title, Viewers: c.viewers,
			Source: netip.AddrPortFrom(c.cfg.SourceEID, c.cfg.UDPPort)})
	}
	if s.server, err = viewerapi.New(opts, all...); err != nil {
		return err
	}
	return s.listen()
}

func (s *Station) authorizer(ctx context.Context) (auth.Authorizer, error) {
	switch a := s.cfg.Auth; {
	case a.JWKS != "":
		keys := credential.NewKeySet(a.JWKS)
		if err := keys.Check(ctx); err != nil {
			s.say(fmt.Sprintf("warning: %v; nobody can join until that is right", err))
		}
		return &auth.JWT{Verifier: credential.Verifier{Keys: keys, Issuer: a.Issuer, Audience: a.Audience}}, nil
	case a.Hook != "":
		secret, err := a.Secret.get()
		return auth.NewHook(a.Hook, secret), err
	}
	return auth.Open{}, nil
}

func (s *Station) listen() error {
	l, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("cannot serve the viewer API on %s: %w", s.cfg.Listen, err)
	}
	if s.cfg.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(s.cfg.TLS.Cert, s.cfg.TLS.Key)
		if err != nil {
			_ = l.Close()
			return fmt.Errorf("cannot serve the viewer API with TLS: %w", err)
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	s.listener = l
	return nil
}

// advertised is the URL at which clients of other sources find the viewer API;
// empty for none.
func (s *Station) advertised() string {
	if s.cfg.Advertise != "" || s.listener == nil {
		return s.cfg.Advertise
	}
	addr, err := netip.ParseAddrPort(s.listener.Addr().String())
	if err != nil || addr.Addr().IsUnspecified() {
		return ""
	}
	scheme := "http"
	if s.cfg.TLS.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + addr.String()
}

// APIAddr is where the viewer API is; nil for nowhere.
func (s *Station) APIAddr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Run sends all channels until they have ended, or ctx does. The reports are
// complete in every case.
func (s *Station) Run(ctx context.Context) ([]Report, error) {
	defer s.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var serving sync.WaitGroup
	if s.server != nil {
		web := viewerapi.NewHTTPServer(s.server.Handler())
		web.BaseContext = func(net.Listener) context.Context { return ctx }
		serving.Go(func() { _ = s.server.Run(ctx) })
		serving.Go(func() {
			if err := web.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				s.say(fmt.Sprintf("the viewer API has ended: %v", err))
			}
		})
		context.AfterFunc(ctx, func() { closeServer(web) })
	}
	if client := s.locator.client; client != nil {
		serving.Go(func() {
			if err := client.Run(ctx); err != nil {
				s.say(fmt.Sprintf("the LISP client has ended: %v; viewers are served as they are now", err))
			}
		})
		serving.Go(func() { s.locator.follow(ctx, s.channels) })
	}
	var sending sync.WaitGroup
	for _, c := range s.channels {
		sending.Go(func() { c.run(ctx) })
	}
	sending.Wait()
	cancel()
	serving.Wait()
	var reports []Report
	var failed error
	for _, c := range s.channels {
		reports = append(reports, c.report())
		failed = errors.Join(failed, c.err)
	}
	return reports, failed
}

// closeServer lets requests under way end, for a moment.
func closeServer(web *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if web.Shutdown(ctx) != nil {
		_ = web.Close()
	}
}

// Close closes what New has opened.
func (s *Station) Close() {
	for _, c := range s.channels {
		c.close()
	}
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.prover != nil {
		_ = s.prover.Close()
	}
	s.closeStore()
	s.locator.close()
}
