package station_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/source/watch"
)

// A flood of joins for addresses that do not prove
// themselves, of forged renewals, of garbage, and of nonces that nobody asked
// for does not disturb the stream or the leases that are there.
func TestFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	sourcetest.NewNetwork(t, "127.44.0.22")
	cfg := looped(t, "127.44.0.22")
	cfg.Limits.TTL = 6 * time.Second
	cfg.Proof = "127.45.0.22:4345"
	url, said, stop := run(t, cfg)

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var media bytes.Buffer
	w, err := watch.New(watch.Options{URL: url + "/news", Listen: "127.0.0.1:0", Output: &media, AnySource: true, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	sourcetest.Until(t, "media", func() bool { return w.Stats().Packets > 0 })

	var flood sync.WaitGroup
	flooding, calm := context.WithTimeout(t.Context(), 3*time.Second)
	defer calm()
	for n := range 16 {
		flood.Go(func() { floodAPI(flooding, url, n) })
	}
	flood.Go(func() { floodProver(flooding, cfg.Proof) })
	flood.Wait()

	renewals := w.Stats().Renewals
	sourcetest.Until(t, "renewals", func() bool { return w.Stats().Renewals > renewals })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	unbroken(t, media.Bytes())
	reports, err := stop()
	if err != nil || reports[0].Unsent != 0 || reports[0].Warnings != 0 {
		t.Errorf("%+v, %v\n%s", reports, err, said)
	}
}

// floodAPI asks for what it does not get, as fast as it can.
func floodAPI(ctx context.Context, url string, seed int) {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	forged := make([]byte, 27)
	for ctx.Err() == nil {
		for i := range forged {
			forged[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random.IntN(64)]
		}
		path, method, body := "/v1/channels/news/viewers", http.MethodPost, ""
		switch random.IntN(5) {
		case 0: // for somebody who does not prove it
			body = fmt.Sprintf(`{"eid": "127.0.%d.%d", "port": %d}`, random.IntN(256), 1+random.IntN(254), 1+random.IntN(65535))
		case 1:
			method, path = http.MethodPut, path+"/"+string(forged)
		case 2:
			method, path = http.MethodDelete, path+"/"+string(forged)
		case 3:
			path, body = "/v1/channels/news/renewals", `{"ids": [`+strings.Repeat(`"`+string(forged)+`",`, 5000)+`"x"]}`
		case 4:
			body = strings.Repeat("{", random.IntN(1<<20))
		}
		r, err := http.NewRequestWithContext(ctx, method, url+path, strings.NewReader(body))
		if err != nil {
			return
		}
		if reply, err := client.Do(r); err == nil {
			_ = reply.Body.Close()
		}
	}
}

// floodProver answers nonces that it was not sent.
func floodProver(ctx context.Context, at string) {
	to, err := netip.ParseAddrPort(at)
	if err != nil {
		return
	}
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	for n := uint64(0); ctx.Err() == nil; n++ {
		_, _ = fmt.Fprintf(conn, "CCPROOF1%016x", n)
		time.Sleep(10 * time.Microsecond)
	}
}
