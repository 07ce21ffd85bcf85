package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// RESTOptions shape the measurements of the REST API.
type RESTOptions struct {
	Options
	// Channels are how many are stored, Rate how many requests a second are
	// made, Writes which of them change a channel: one in so many.
	Channels, Rate, Writes int
	// Followers are how many clients follow the events, beside the load, in the end.
	Followers int
	// Dir is where the store is, and the file that is synced beside it; a new
	// one if it is empty.
	Dir string
	// Command returns the command that runs a controller with a configuration
	// file.
	Command func(config string) *exec.Cmd
}

// DefaultRESTOptions are those of `corecast bench rest`.
func DefaultRESTOptions() RESTOptions {
	return RESTOptions{Options: Options{Turns: 5, Slice: 5 * time.Second}, Channels: 10_000, Rate: 1000, Writes: 10, Followers: 1000}
}

// clientGC keeps the clients' own garbage, of a heap of a few MB, from being
// collected five times a second beside what is measured.
const clientGC = 1000

// restChannels is how many channels each switch of the bench is the ITR of.
const restChannels = 500

// REST measures the REST API: a controller in a process of its own, and the
// clients in this one, on the same CPUs. Requests are due at a steady rate, and
// their latency is from when they were due, so that a slow answer delays none in
// the figures. In turns with them a file beside the store is written and synced
// at the rate of the writes, a page at a time. Then clients follow the events of
// the load, and must all have had the last one in the end.
func REST(ctx context.Context, o RESTOptions) (*Report, error) {
	if o.Channels < 1 || o.Rate < 1 || o.Writes < 2 || o.Followers < 0 {
		return nil, fmt.Errorf("%d channels, %d requests a second, 1 write in %d, %d followers: want at least 1, 1, 2 and 0", o.Channels, o.Rate, o.Writes, o.Followers)
	}
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "corecast-bench")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		o.Dir = dir
	}
	defer debug.SetGCPercent(debug.SetGCPercent(clientGC))
	b := &restBench{o: o, report: newReport(), http: restClient(o.Followers)}
	defer b.http.CloseIdleConnections()
	stop, err := b.start(ctx)
	if err != nil {
		return nil, err
	}
	return b.report, errors.Join(b.measure(ctx), stop())
}

type restBench struct {
	o      RESTOptions
	report *Report
	http   *http.Client
	url    string
}

// restClient keeps connections, as programs do.
func restClient(followers int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConns: followers + 256, MaxIdleConnsPerHost: followers + 256, IdleConnTimeout: time.Minute}}
}

// start runs the controller, and returns what ends it.
func (b *restBench) start(ctx context.Context) (stop func() error, err error) {
	config := filepath.Join(b.o.Dir, "bench.yaml")
	text := fmt.Sprintf("listen: { http: \"127.0.0.1:0\" }\nstore: %q\nauth: { request_rate: 1000000 }\n", "file:"+filepath.Join(b.o.Dir, "bench.db"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := b.o.Command(config)
	said, w := io.Pipe()
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the controller: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		w.CloseWithError(fmt.Errorf("the controller ended: %v", err))
		ended <- err
	}()
	stop = func() error {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		kill := time.AfterFunc(stopTimeout, func() { cmd.Process.Kill() })
		defer kill.Stop()
		return <-ended
	}
	if b.url, err = servedAt(said); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// servedAt reads what a controller says until it says where its REST API is, and
// lets it go on talking.
func servedAt(said io.Reader) (string, error) {
	var all bytes.Buffer
	piece := make([]byte, 4096)
	for {
		n, err := said.Read(piece)
		all.Write(piece[:n])
		if _, rest, ok := strings.Cut(all.String(), "REST API on "); ok {
			if url, _, ok := strings.Cut(rest, ": see"); ok {
				go func() { _, _ = io.Copy(io.Discard, said) }()
				return url, nil
			}
		}
		if err != nil {
			return "", fmt.Errorf("%w\n%s", err, all.String())
		}
	}
}

// measure fills the store and takes turns.
func (b *restBench) measure(ctx context.Context) error {
	if err := b.fill(ctx); err != nil {
		return err
	}
	synced, err := newSyncer(b.o.Dir)
	if err != nil {
		return err
	}
	defer synced.close()
	var turns []restTurn
	for range b.o.Turns {
		turn := restTurn{}
		if err := synced.measure(ctx, &turn, b.o.Slice, b.o.Rate/b.o.Writes); err != nil {
			return err
		}
		if err := b.load(ctx, &turn, b.o.Slice); err != nil {
			return err
		}
		turns = append(turns, turn)
	}
	beside, err := b.followed(ctx)
	if err != nil {
		return err
	}
	b.tell(turns, beside)
	return nil
}

// tell adds the figures of all turns.
func (b *restBench) tell(turns []restTurn, beside restTurn) {
	figure := func(name string, of func(*restTurn) *latencies, q float64) series {
		s := series{name: name, unit: "µs"}
		for i := range turns {
			s.values = append(s.values, microseconds(of(&turns[i]).quantile(q)))
		}
		return s
	}
	reads := func(t *restTurn) *latencies { return &t.reads }
	writes := func(t *restTurn) *latencies { return &t.writes }
	syncs := func(t *restTurn) *latencies { return &t.syncs }
	size := fmt.Sprintf("%d requests a second, %d channels stored", b.o.Rate, b.o.Channels)
	b.report.addSeries(figure("p50 of reads at "+size, reads, 0.5))
	b.report.addSeries(figure("p99 of reads at "+size, reads, 0.99))
	b.report.addSeries(figure("p50 of durable writes at "+size, writes, 0.5), figure("p50 of a bare fsync of 4 kB", syncs, 0.5))
	b.report.addSeries(figure("p99 of durable writes at "+size, writes, 0.99), figure("p99 of a bare fsync of 4 kB", syncs, 0.99))
	if b.o.Followers == 0 {
		return
	}
	b.report.addSeries(series{"clients that followed all events", "", []float64{float64(b.o.Followers)}})
	turns = []restTurn{beside}
	b.report.addSeries(figure("p99 of reads beside them", reads, 0.99))
	b.report.addSeries(figure("p99 of durable writes beside them", writes, 0.99))
}

// fill makes studios, each with a switch, and their channels.
func (b *restBench) fill(ctx context.Context) error {
	switches := (b.o.Channels + restChannels - 1) / restChannels
	for i := range switches {
		site := fmt.Sprintf(`{"eid_prefixes":["10.%d.0.0/16"],"reserved_eids":"10.%d.128.0/17","rlocs":[{"address":"192.0.2.%d"}],"corecast":true,"accept_streams":"none"}`, i, i, i+1)
		sw := fmt.Sprintf(`{"address":"127.0.0.1:1","device_id":%d,"site":"site-%d","ports":[{"id":1,"role":"local","address":"10.%d.0.1/24"},{"id":2,"role":"transit","address":"192.0.2.%d/24"}]}`, i+1, i, i, i+1)
		if err := b.put(ctx, fmt.Sprintf("sites/site-%d", i), site); err != nil {
			return err
		}
		if err := b.put(ctx, fmt.Sprintf("switches/itr-%d", i), sw); err != nil {
			return err
		}
	}
	const fillers = 64
	var wg sync.WaitGroup
	failed := make(chan error, fillers)
	for first := range fillers {
		wg.Go(func() {
			for i := first; i < b.o.Channels; i += fillers {
				if err := b.put(ctx, channelPath(i), channelSpec(i, 0)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	return <-failed
}

func channelPath(i int) string { return fmt.Sprintf("channels/channel-%05d", i) }

// channelSpec is that of a channel after so many changes.
func channelSpec(i, changes int) string {
	s, n := i/restChannels, i%restChannels
	return fmt.Sprintf(`{"site":"site-%d","source_eid":"10.%d.1.%d","reserved_eid":"10.%d.%d.%d","ingress":{"switch":"itr-%d","port":1},"redundancy":%d,"rate":"4Mbps"}`,
		s, s, n%200+1, s, 128+n/200, n%200+1, s, changes%200)
}

// put writes an object, which must be taken.
func (b *restBench) put(ctx context.Context, path, spec string) error {
	return b.ask(ctx, http.MethodPut, "/api/v1/"+path, spec)
}

// ask sends a request, which must succeed, and reads the answer.
func (b *restBench) ask(ctx context.Context, method, path, body string) error {
	r, err := http.NewRequestWithContext(ctx, method, b.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := b.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode > 299 || !json.Valid(text) {
		return fmt.Errorf("%s %s: %s: %.300s", method, path, answer.Status, text)
	}
	return nil
}
