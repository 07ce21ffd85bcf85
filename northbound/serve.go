package northbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"

	"github.com/corecast/corecast/northbound/auth"
)

const (
	idleTimeout    = 2 * time.Minute
	shutdownTime   = 5 * time.Second
	maxHeaderBytes = 16 << 10
	maxBodyBytes   = 1 << 20
	maxPathBytes   = 1 << 10
	maxConnections = 8192
	refusalsLogged = 5 // a second; the metric counts all
)

// times are how long clients may take; tests have less of it.
type times struct {
	header time.Duration // to send the head of a request
	read   time.Duration // to send a whole request
	write  time.Duration // to take an answer; nothing here answers slowly
	follow time.Duration // to take what one who follows the events is sent
	beat   time.Duration // how long those are told nothing at most
}

func clientTimes() times {
	return times{header: 5 * time.Second, read: 15 * time.Second, write: 30 * time.Second, follow: followTime, beat: heartbeat}
}

// Listen listens on an address: one of loopback, unless the gate asks who is
// there and nobody can listen to the answer.
func Listen(address string, gate *auth.Gate) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen.http %s is in use: stop the other controller, or choose another port", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen.http %s: %w", address, err)
	}
	a, ok := l.Addr().(*net.TCPAddr)
	safe := gate != nil && gate.Asks() && gate.TLS() != nil
	if !safe && (!ok || !a.IP.IsLoopback()) {
		l.Close()
		return nil, fmt.Errorf("listen.http %s can be reached from elsewhere: give tls and auth, or use 127.0.0.1:8080", address)
	}
	return netutil.LimitListener(l, maxConnections), nil
}

// Serve answers what comes to l, until ctx ends; requests under way are then
// finished.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: s.times.header, ReadTimeout: s.times.read,
		WriteTimeout: s.times.write, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:    slog.NewLogLogger(seldom{s.log.Handler(), rate.NewLimiter(refusalsLogged, 10*refusalsLogged)}, slog.LevelWarn),
		ConnContext: withConnection, ConnState: s.watch, DisableGeneralOptionsHandler: true,
	}
	srv.RegisterOnShutdown(s.ui.Close)
	srv.RegisterOnShutdown(func() { close(s.closing) })
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		stopped <- errors.Join(srv.Shutdown(ctx), srv.Close())
	})
	serve := srv.Serve
	if s.gate.TLS() != nil {
		srv.TLSConfig = s.gate.TLS()
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	err := serve(watched{l})
	if stop() { // ctx has not ended: it failed by itself
		return err
	}
	return <-stopped
}

// seldom drops what is logged too often: strangers make net/http write these.
type seldom struct {
	slog.Handler
	limit *rate.Limiter
}

// Handle implements slog.Handler.
func (s seldom) Handle(ctx context.Context, r slog.Record) error {
	if !s.limit.Allow() {
		return nil
	}
	return s.Handler.Handle(ctx, r)
}
