package auth

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"
)

// revocations are the certificates that their authorities have taken back.
type revocations struct {
	revoked map[string]bool // by issuer and serial number
	until   time.Time       // when the first of the lists ends; zero for never
}

const crlBlock = "X509 CRL"

// loadRevocations reads a file of lists (CRLs, in PEM), each of which one of the
// authorities must have signed.
func loadRevocations(path string, authorities []*x509.Certificate) (*revocations, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tls.client_crl: %w", err)
	}
	r := &revocations{revoked: map[string]bool{}}
	lists := 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != crlBlock {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("tls.client_crl: %s: %w", path, err)
		}
		if !signedByOne(list, authorities) {
			return nil, fmt.Errorf("tls.client_crl: no certificate of tls.client_ca has signed the list of %s in %s", list.Issuer, path)
		}
		r.add(list)
		lists++
	}
	if lists == 0 {
		return nil, fmt.Errorf("tls.client_crl: there is no list in %s: want PEM, with blocks of %s", path, crlBlock)
	}
	if err := r.current(time.Now()); err != nil {
		return nil, fmt.Errorf("tls.client_crl: %s: %w", path, err)
	}
	return r, nil
}

func signedByOne(list *x509.RevocationList, authorities []*x509.Certificate) bool {
	for _, ca := range authorities {
		if list.CheckSignatureFrom(ca) == nil {
			return true
		}
	}
	return false
}

func (r *revocations) add(list *x509.RevocationList) {
	for _, e := range list.RevokedCertificateEntries {
		r.revoked[string(list.RawIssuer)+e.SerialNumber.String()] = true
	}
	if end := list.NextUpdate; !end.IsZero() && (r.until.IsZero() || end.Before(r.until)) {
		r.until = end
	}
}

// current fails when there should be newer lists than these: nobody knows what is
// on them.
func (r *revocations) current(now time.Time) error {
	if !r.until.IsZero() && now.After(r.until) {
		return fmt.Errorf("the list of revoked certificates ended at %s: fetch a newer one, and send the controller SIGHUP", r.until.UTC().Format(time.RFC3339))
	}
	return nil
}

// check refuses a chain with a certificate that was taken back.
func (r *revocations) check(chain []*x509.Certificate, now time.Time) error {
	if err := r.current(now); err != nil {
		return refuse(reasonWrong, "no client certificate can be believed: %v", err)
	}
	for _, cert := range chain {
		if r.revoked[string(cert.RawIssuer)+cert.SerialNumber.String()] {
			return refuse(reasonWrong, "the certificate of %s was revoked: ask for a new one", cert.Subject.CommonName)
		}
	}
	return nil
}

// authoritiesOf are the certificates of a PEM file.
func authoritiesOf(text []byte) []*x509.Certificate {
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return list
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			list = append(list, cert)
		}
	}
}
