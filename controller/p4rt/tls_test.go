package p4rt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// selfSigned makes a certificate for 127.0.0.1 and the pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// A switch that asks for a certificate gets the one of the files, also a renewed one.
func TestTLSFiles(t *testing.T) {
	cert, pool := selfSigned(t)
	dir := t.TempDir()
	files := TLSFiles{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(files.CA, "CERTIFICATE", cert.Certificate[0])
	write(files.Cert, "CERTIFICATE", cert.Certificate[0])
	if _, err := files.Load(); err == nil {
		t.Error("a certificate without its key was loaded")
	}
	write(files.Key, "PRIVATE KEY", key)
	loaded, err := files.Load()
	if err != nil {
		t.Fatal(err)
	}
	f := startFake(t, accept(), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool})))
	if _, err := dial(t, f, Options{TLS: loaded}); err != nil {
		t.Error(err)
	}
	alone, err := TLSFiles{CA: files.CA}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, f, Options{TLS: alone}); err == nil {
		t.Error("a switch that asks for a certificate took a session without one")
	}
	if none, err := (TLSFiles{}).Load(); none != nil || err != nil {
		t.Errorf("no files: %v, %v", none, err)
	}
	write(files.CA, "NOTHING", nil)
	for _, bad := range []TLSFiles{files, {CA: filepath.Join(dir, "nowhere")}} {
		if _, err := bad.Load(); err == nil || !strings.HasPrefix(err.Error(), "ca: ") {
			t.Errorf("%s: %v", bad.CA, err)
		}
	}
}

func TestTLS(t *testing.T) {
	cert, pool := selfSigned(t)
	f := startFake(t, accept(), grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	s, err := dial(t, f, Options{TLS: &tls.Config{RootCAs: pool}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(context.Background(), []Update{{Insert, route(1, "10.0.0.0/8", 1)}}); err != nil {
		t.Error(err)
	}
	if _, err := dial(t, f, Options{TLS: &tls.Config{RootCAs: x509.NewCertPool()}}); err == nil {
		t.Error("a certificate that nobody vouches for was accepted")
	}
	if _, err := dial(t, f, Options{}); err == nil {
		t.Error("a plaintext session with a TLS switch was made")
	}
}
