package store_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/corecast/corecast/northbound/auth/authtest"
	"github.com/corecast/corecast/store"
	"github.com/corecast/corecast/store/etcdtest"
)

func TestEtcdOverTLS(t *testing.T) {
	if testing.Short() {
		t.Skip("handshakes that fail take their time")
	}
	t.Parallel()
	ca, stranger := authtest.NewCA(t), authtest.NewCA(t)
	member := ca.ServerTLS(t)
	cert, key := ca.Client(t, "node")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	cluster := etcdtest.Start(t, etcdtest.Options{
		TLS:   &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{pair}},
		Flags: []string{"--cert-file=" + member.Cert, "--key-file=" + member.Key, "--client-cert-auth", "--trusted-ca-file=" + ca.File},
	})
	node := "&cert=" + cert + "&key=" + key
	s := openEtcd(t, cluster.URL("t?ca="+ca.File+node))
	putWhenServed(t, s, "k")
	closeStore(t, s)

	for parameters, want := range map[string]string{
		"timeout=1s":                            "no answer within 1s",
		"timeout=1s&tls=true" + node:            "certificate signed by unknown authority",
		"timeout=1s&ca=" + stranger.File + node: "certificate signed by unknown authority",
		"timeout=1s&ca=" + ca.File:              "no answer within 1s",
		"ca=/nonexistent":                       "ca: open /nonexistent: no such file",
		"ca=" + key:                             "holds no certificate in PEM",
		"ca=" + ca.File + "&cert=" + ca.File + "&key=" + key: "cert and key: tls: private key does not match",
	} {
		if err := errOf(store.OpenEtcd(t.Context(), cluster.URL("t?"+parameters))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", parameters, err, want)
		}
	}
}
