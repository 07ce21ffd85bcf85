package softswitch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// maxMessage bounds what a P4Runtime client may send in one message: a
// pipeline of a large program, or a large batch of writes.
const maxMessage = 64 << 20

// Serve runs the switch, with its P4Runtime service on l, until ctx ends or
// the listener fails. It closes l.
func (s *Switch) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := s.newGRPCServer()
	failed := make(chan error, 1)
	go func() {
		failed <- g.Serve(l)
		cancel()
	}()
	err := s.run(ctx)
	g.Stop()
	defer s.server.Close() // after the last stream has ended
	if serveErr := <-failed; serveErr != nil && !errors.Is(serveErr, grpc.ErrServerStopped) {
		err = errors.Join(err, fmt.Errorf("P4Runtime on %s: %w", l.Addr(), serveErr))
	}
	return err
}

func (s *Switch) newGRPCServer() *grpc.Server {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
	}
	if s.cfg.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.cfg.TLS)))
	}
	g := grpc.NewServer(options...)
	s.server.Register(g)
	return g
}

// TLSFiles names the PEM files of a TLS configuration.
type TLSFiles struct {
	// CACert holds the authorities that client certificates are checked
	// against; empty is the system's.
	CACert string
	// Cert and Key are the server's own.
	Cert, Key string
	// ClientAuth refuses clients without a certificate.
	ClientAuth bool
}

// Load reads the files.
func (f TLSFiles) Load() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %q with key %q: %w", f.Cert, f.Key, err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if f.ClientAuth {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if f.CACert != "" {
		pem, err := os.ReadFile(f.CACert)
		if err != nil {
			return nil, fmt.Errorf("TLS authorities: %w", err)
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("TLS authorities %q: no certificate in it: a PEM file is needed", f.CACert)
		}
	}
	return c, nil
}
