package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corecast/corecast/demo/clip"
	"github.com/corecast/corecast/source/ts"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestChannelURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://h:1/news":                     "http://h:1/v1/channels/news",
		"http://h:1/v1/channels/news":         "http://h:1/v1/channels/news",
		"https://h/v1/channels/news.m3u":      "https://h/v1/channels/news",
		"http://[2001:db8::1]:8081/news.hd/":  "http://[2001:db8::1]:8081/v1/channels/news.hd",
		"http://h:1/":                         "",
		"http://h:1/a/b":                      "",
		"udp://h:1/news":                      "",
		"news":                                "",
		"http:///news":                        "",
		"http://h:1/v1/channels/news/viewers": "",
	} {
		got, err := channelURL(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
}

// A second of the clip, measured: bitrate, loss and jitter of the stream.
func TestStats(t *testing.T) {
	media, err := io.ReadAll(clip.Open())
	if err != nil {
		t.Fatal(err)
	}
	const size = 7 * ts.PacketSize
	play := func(skip func(i int) bool, late func(i int) time.Duration) Stats {
		var b statsBox
		at := time.Unix(1000, 0)
		for i := 0; (i+1)*size <= len(media); i++ {
			at = time.Unix(1000, 0).Add(time.Duration(i*size*8) * time.Second / 480_000)
			if !skip(i) {
				b.media(media[i*size:(i+1)*size], at.Add(late(i)))
			}
		}
		return b.get(at)
	}
	none := func(int) bool { return false }
	steady := play(none, func(int) time.Duration { return 0 })
	if steady.Lost != 0 || steady.Bitrate < 450_000 || steady.Bitrate > 510_000 || steady.Jitter > 15*time.Millisecond {
		t.Errorf("steady: %+v", steady)
	}
	if lossy := play(func(i int) bool { return i%10 == 5 }, func(int) time.Duration { return 0 }); lossy.Lost < 20 {
		t.Errorf("with every tenth datagram lost: %+v", lossy)
	}
	if rough := play(none, func(i int) time.Duration { return time.Duration(i%2) * 100 * time.Millisecond }); rough.Jitter < 2*steady.Jitter+10*time.Millisecond {
		t.Errorf("with every other datagram 100 ms late: %+v; steady: %+v", rough, steady)
	}
}

// What comes may be anything.
func FuzzStats(f *testing.F) {
	f.Add([]byte("G"), []byte("x"))
	f.Add(bytes.Repeat([]byte{0x47, 1, 0, 0x30}, 100), bytes.Repeat([]byte{0x47}, 1000))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var b statsBox
		for i, d := range [][]byte{first, second, first} {
			b.media(d, time.Unix(int64(i), 0))
		}
		if s := b.get(time.Unix(10, 0)); s.Packets != 3 || s.Bytes != uint64(2*len(first)+len(second)) || s.Jitter < 0 {
			t.Errorf("%+v", s)
		}
	})
}

// api is a viewer API that says what the test wants.
type api struct {
	renew func() int // the status of a renewal
	stop  func()     // called after enough requests
	after int        // which is so many; 0 is never

	mu    sync.Mutex // guards asked
	asked []string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked = append(a.asked, r.Method); len(a.asked) == a.after {
		a.stop()
	}
	status := http.StatusOK
	if r.Method == http.MethodPut {
		status = a.renew()
	}
	w.WriteHeader(status)
	if status == http.StatusOK {
		_ = json.NewEncoder(w).Encode(lease{ID: "x", Channel: "news", Source: "127.0.0.1:1", TTL: 0.5, RenewAfter: 0.05})
	} else {
		fmt.Fprintf(w, `{"title": "no", "detail": "status %d"}`, status)
	}
}

// run watches until enough was asked, or it fails, and returns the requests and
// the error.
func (a *api) run(t *testing.T) (asked string, err error) {
	server := httptest.NewServer(a)
	defer server.Close()
	w, err := New(Options{URL: server.URL + "/news", Listen: "127.0.0.1:0", Output: io.Discard, Client: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	a.stop = cancel
	err = w.Run(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.asked, " "), err
}

// A lease that the source has forgotten is asked for anew, one that it refuses
// is not, and each is given back at the end.
func TestRenewals(t *testing.T) {
	n := 0
	forgetful := &api{after: 6, renew: func() int {
		if n++; n == 2 {
			return http.StatusNotFound
		}
		return http.StatusOK
	}}
	asked, err := forgetful.run(t)
	if asked != "POST PUT PUT POST PUT PUT DELETE" || err == nil || !strings.Contains(err.Error(), "no media") {
		t.Errorf("%s, %v", asked, err)
	}
	strict := &api{renew: func() int { return http.StatusUnauthorized }}
	asked, err = strict.run(t)
	if asked != "POST PUT" || err == nil || !strings.Contains(err.Error(), "status 401") {
		t.Errorf("%s, %v", asked, err)
	}
}

func TestOutput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "media.ts")
	out, err := OpenOutput(file)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = out.Write([]byte("media"))
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(file); string(b) != "media" {
		t.Errorf("%q", b)
	}
	for _, bad := range []string{"", "ftp://x/y", "udp://nowhere", t.TempDir()} {
		if out, err := OpenOutput(bad); err == nil {
			_ = out.Close()
			t.Errorf("%q is an output", bad)
		}
	}
	played := filepath.Join(t.TempDir(), "played")
	player, err := StartPlayer("tee " + played)
	if err != nil {
		t.Skipf("no tee on this machine: %v", err)
	}
	_, _ = player.Write([]byte("media"))
	if err := player.Close(); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(played); string(b) != "media" {
		t.Errorf("the player was given %q", b)
	}
}
