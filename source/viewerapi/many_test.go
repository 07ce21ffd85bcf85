package viewerapi_test

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/source/viewerapi"
)

// keptAlive is a connection that makes one request after the other, and takes
// less time for it than the server does.
type keptAlive struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func dial(t *testing.T, url string) *keptAlive {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Error(err)
		return nil
	}
	return &keptAlive{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func (k *keptAlive) close() { _ = k.conn.Close() }

// join joins as a client of that address, and returns the status.
func (k *keptAlive) join(address string) (status string) {
	status, _ = k.ask("POST", viewers, address, `{"port": 5004}`)
	return status
}

// ask makes a request as a client of that address, and returns the status and
// the body, which is valid until the next request.
func (k *keptAlive) ask(method, path, address, body string) (status string, answer []byte) {
	k.out = fmt.Appendf(k.out[:0], "%s %s HTTP/1.1\r\nHost: source\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n\r\n%s",
		method, path, address, len(body), body)
	if _, err := k.conn.Write(k.out); err != nil {
		return err.Error(), nil
	}
	length := 0
	for {
		line, err := k.in.ReadSlice('\n')
		if err != nil {
			return err.Error(), nil
		}
		text := strings.TrimSpace(string(line))
		if text == "" {
			break
		}
		if s, ok := strings.CutPrefix(text, "HTTP/1.1 "); ok {
			status = s
		}
		if s, ok := strings.CutPrefix(text, "Content-Length: "); ok {
			length, _ = strconv.Atoi(s)
		}
	}
	answer, err := k.in.Peek(length)
	if err != nil {
		return err.Error(), nil
	}
	_, _ = k.in.Discard(length) // it has been read
	return status, answer
}

// A crowd joins over 200 kept-alive connections, and comes back spread out. A
// viewer takes less than 200 bytes, whatever the server and the list keep of it.
func TestCrowd(t *testing.T) {
	crowd, connections := 100_000, 200
	if testing.Short() {
		crowd = 10_000
	}
	a := start(t, viewerapi.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	took := make([]time.Duration, crowd)
	started := time.Now()
	var joins sync.WaitGroup
	for c := range connections {
		joins.Go(func() {
			client := dial(t, a.url)
			defer client.close()
			for i := c; i < crowd; i += connections {
				began := time.Now()
				if status := client.join(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)); status != "201 Created" {
					t.Errorf("viewer %d: %s", i, status)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	joins.Wait()
	all := time.Since(started)
	slices.Sort(took)
	time.Sleep(100 * time.Millisecond) // for the connections' memory
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := float64(after.HeapAlloc-before.HeapAlloc) / float64(crowd)
	t.Logf("%d viewers joined in %v over %d connections, half of them in %v, 99%% in %v; %.0f bytes a viewer",
		crowd, all.Round(time.Millisecond), connections, took[crowd/2], took[crowd*99/100], per)
	if a.list.Len() != crowd {
		t.Errorf("%d viewers in the list, want %d", a.list.Len(), crowd)
	}
	if per >= 200 && !testing.Short() {
		t.Errorf("%.0f bytes a viewer: want less than 200", per)
	}
	runtime.KeepAlive(took)
}
