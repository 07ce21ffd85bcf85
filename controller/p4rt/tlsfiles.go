package p4rt

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLSFiles names the PEM files that protect sessions.
type TLSFiles struct {
	// CA holds the authorities that may sign the certificates of switches.
	CA string
	// Cert and Key are what is shown to switches that ask for it; both or none.
	Cert, Key string
}

// Load returns the TLS configuration, or nil if no authority is named: sessions
// are in the clear then. The certificate is read for each connection, so that it
// can be renewed.
func (f TLSFiles) Load() (*tls.Config, error) {
	if f.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: %s has no certificate in it: a PEM file is needed", f.CA)
	}
	if f.Cert == "" {
		return c, nil
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("cert %s, key %s: %w", f.Cert, f.Key, err)
		}
		return &cert, nil
	}
	_, err = c.GetClientCertificate(nil)
	return c, err
}
