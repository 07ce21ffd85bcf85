package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/corecast/corecast/bmv2test"
	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/store/etcdtest"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// arenaPatience bounds every wait, on a machine that does much else.
const arenaPatience = 60 * time.Second

// nodeCount is how many controllers there are, and etcd members.
const nodeCount = 3

// arena is three controllers in processes of their own, on three etcd members, with
// the switches of a Fig. 2 network through which media flows, and with somebody who
// changes the configuration all the time.
type arena struct {
	*testing.T
	rand      *rand.Rand
	etcd      *etcdtest.Cluster
	fig       *bmv2test.Fig2
	witnesses []*witness
	nodes     []*arenaNode
	editor    *editor

	delivered atomic.Uint64
	streamed  int
	took      time.Duration // until others had a node's switches, the last time
}

// arenaNode is a controller's process.
type arenaNode struct {
	*background
	name   string
	dir    string
	access *etcdtest.Access // its own way to etcd
}

func newArena(t *testing.T, seed uint64) *arena {
	a := &arena{T: t, rand: rand.New(rand.NewPCG(seed, 0)), etcd: etcdtest.Start(t, etcdtest.Options{Members: nodeCount})}
	ctx, cancel := context.WithTimeout(context.Background(), arenaPatience)
	defer cancel()
	var err error
	a.fig, err = bmv2test.NewFig2(ctx, bmv2test.Fig2Options{Configure: withNeighbors, FromDomain: func(_ int, frame []byte) {
		var d inet.Datagram
		if d.Decode(frame[inet.EthernetSize:]) == nil && d.Dst.Port() == bmv2test.MediaPort {
			a.delivered.Add(1)
		}
	}})
	a.check(err)
	t.Cleanup(func() { a.fig.Close() })
	for i := range a.fig.Config.Switches {
		sw := &a.fig.Config.Switches[i]
		w, address, err := newWitness(sw.Name, sw.Address)
		a.check(err)
		t.Cleanup(w.close)
		sw.Address = address
		a.witnesses = append(a.witnesses, w)
	}
	for i := range nodeCount {
		a.addNode(fmt.Sprintf("node-%d", i+1))
	}
	a.editor = newEditor(a)
	return a
}

func (a *arena) check(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// addNode writes a controller's configuration and starts it.
func (a *arena) addNode(name string) {
	a.Helper()
	n := &arenaNode{name: name, dir: filepath.Join(a.TempDir(), name), access: a.etcd.NewAccess()}
	a.check(os.Mkdir(n.dir, 0o700))
	a.check(os.WriteFile(filepath.Join(n.dir, "controller.yaml"), a.config(n.access.URL("arena"), name), 0o600))
	a.nodes = append(a.nodes, n)
	a.start(n)
	a.Cleanup(func() {
		if a.Failed() {
			said, _ := os.ReadFile(n.log)
			a.Logf("%s said last:\n%s", n.name, said[max(0, len(said)-4000):])
		}
		if n.background != nil {
			_ = n.cmd.Process.Signal(syscall.SIGCONT)
			_ = n.end(os.Kill)
		}
	})
}

// config is the configuration file of a node, in YAML as JSON is YAML.
func (a *arena) config(store, name string) []byte {
	a.Helper()
	cfg := a.fig.Config
	text, err := json.MarshalIndent(map[string]any{
		"listen": map[string]string{"http": "127.0.0.1:0"}, "store": store, "node": name,
		"switches": cfg.Switches, "sites": cfg.Sites, "channels": cfg.Channels,
	}, "", " ")
	a.check(err)
	return text
}

// start starts a node's process, once more if its store was not ready.
func (a *arena) start(n *arenaNode) {
	a.Helper()
	var err error
	for deadline := time.Now().Add(arenaPatience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if n.background, err = startController(n.dir, "controller.yaml"); err == nil {
			return
		}
	}
	a.Fatal(err)
}

// signal sends a node's process a signal, without waiting for what it does.
func (a *arena) signal(n *arenaNode, s syscall.Signal) {
	a.Helper()
	a.check(n.cmd.Process.Signal(s))
}

// ask asks a node's REST API.
func ask[T any](n *arenaNode, path string) (answer T, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.rest+path, nil)
	if err != nil {
		return answer, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	return answer, json.NewDecoder(resp.Body).Decode(&answer)
}

// until waits for what must become true.
func (a *arena) until(what string, ok func() error) {
	a.Helper()
	var err error
	for deadline := time.Now().Add(arenaPatience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = ok(); err == nil {
			return
		}
		if len(a.wrong()) > 0 {
			break
		}
	}
	a.Fatalf("%s: %v %v", what, err, a.wrong())
}

// wrong is what was seen that must not be.
func (a *arena) wrong() (list []string) {
	for _, w := range a.witnesses {
		w.mu.Lock()
		list = append(list, w.wrong...)
		w.mu.Unlock()
	}
	return list
}

// quiet waits until changes are acknowledged, and nodes are settled.
func (a *arena) quiet(nodes ...*arenaNode) {
	a.Helper()
	a.editor.goesOn()
	a.settled(nodes...)
}

// settled waits until some nodes have all switches among them, evenly, and every one
// of them says so: each switch has one master, that is there, and holds exactly what
// is wanted.
func (a *arena) settled(nodes ...*arenaNode) {
	a.Helper()
	a.until("the nodes share the switches", func() error {
		for _, n := range nodes {
			if err := a.agrees(n, nodes); err != nil {
				return fmt.Errorf("%s: %w", n.name, err)
			}
		}
		return nil
	})
}

func (a *arena) agrees(n *arenaNode, nodes []*arenaNode) error {
	st, err := ask[api.Status](n, "/api/v1/status")
	if err != nil {
		return err
	}
	if len(st.Nodes) != len(nodes) || st.Switches.Ready != len(a.witnesses) {
		return fmt.Errorf("it knows %v, and %d switches that are ready: %v", st.Nodes, st.Switches.Ready, st.Problems)
	}
	all, fewest, most := 0, len(a.witnesses), 0
	for _, m := range st.Nodes {
		if !slices.ContainsFunc(nodes, func(n *arenaNode) bool { return n.name == m.Name }) {
			return fmt.Errorf("it knows %s, which is not there", m.Name)
		}
		all, fewest, most = all+m.Masters, min(fewest, m.Masters), max(most, m.Masters)
	}
	if all != len(a.witnesses) || most-fewest > 1 {
		return fmt.Errorf("the switches are not shared evenly: %+v", st.Nodes)
	}
	return nil
}

// mastered are the switches that a node masters, as it or another one says.
func (a *arena) mastered(n, asked *arenaNode) (list []*witness) {
	a.Helper()
	var switches api.Switches
	a.until(asked.name+" answers", func() (err error) {
		switches, err = ask[api.Switches](asked, "/api/v1/switches")
		return err
	})
	for _, sw := range switches.Items {
		for _, w := range a.witnesses {
			if w.name == sw.Name && sw.Master == n.name {
				list = append(list, w)
			}
		}
	}
	return list
}

// taken waits until other masters have some switches, and notes how long that took.
func (a *arena) taken(switches []*witness, do func()) {
	a.Helper()
	before := map[*witness]uint64{}
	for _, w := range switches {
		before[w], _ = w.master()
	}
	start := time.Now()
	do()
	a.until("the switches have other masters", func() error {
		for _, w := range switches {
			if id, _ := w.master(); id == before[w] {
				return fmt.Errorf("%s has no other", w.name)
			}
		}
		return nil
	})
	for _, w := range switches {
		_, since := w.master()
		a.took = max(a.took, since.Sub(start))
	}
}

// stream sends payload after payload to all viewers until ctx ends: none may be
// lost, whatever happens to the controllers.
func (a *arena) stream(ctx context.Context) error {
	source := a.fig.Host(bmv2test.SourceName)
	media := []byte(strings.Repeat("CoreCast", 150))
	channel := netip.AddrPortFrom(bmv2test.ReservedEID, wire.Port)
	for ctx.Err() == nil {
		a.streamed++
		id := wire.Identify(uint32(a.streamed), media)
		payload, err := wire.AppendPayload(nil, id, media)
		messages := [][]byte{payload}
		for _, v := range a.fig.Viewers {
			header, err2 := wire.AppendHeader4(nil, id, []netip.AddrPort{v.EID})
			messages, err = append(messages, header), errors.Join(err, err2)
		}
		for _, m := range messages {
			frame, err2 := source.Datagram(inet.Datagram{
				Src: netip.AddrPortFrom(bmv2test.SourceEID, bmv2test.MediaPort), Dst: channel, Payload: m})
			if err = errors.Join(err, err2); err == nil {
				err = source.Send(frame)
			}
		}
		if err != nil {
			return err
		}
		want := uint64(a.streamed * len(a.fig.Viewers))
		for deadline := time.Now().Add(arenaPatience); a.delivered.Load() < want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				return fmt.Errorf("payload %d: %d of %d deliveries", a.streamed, a.delivered.Load(), want)
			}
		}
		pause(ctx, 10*time.Millisecond)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// compare has one more controller look at all switches, with a configuration: it must
// find nothing to write.
func (a *arena) compare(cfg *config.Config) {
	a.Helper()
	c, err := controller.New(cfg, controller.Options{ElectionID: p4rt.ElectionID{High: 1}})
	a.check(err)
	ctx, cancel := context.WithTimeout(context.Background(), arenaPatience)
	defer cancel()
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- c.Run(running) }()
	err = c.WaitReady(ctx)
	stop()
	a.check(errors.Join(err, <-done))
	for _, sw := range c.Status().Switches {
		if sw.Updates != 0 || sw.Pipelines != 0 {
			a.Errorf("%s did not hold what is wanted: %d updates, %d programs", sw.Name, sw.Updates, sw.Pipelines)
		}
	}
}
