package bmv2test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/internal/tail"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
)

// TestProcesses kills the controller and switches as they run outside of tests: as
// processes, at any moment. What the switches have goes on working, and whoever
// comes back makes all right again. The times are logged; docs/performance.md has
// them.
func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes; the race detector has nothing to see there")
	}
	corecast := buildCorecast(t)
	t.Run("softswitch in memory", func(t *testing.T) {
		n := newFaultNetOf(t, Fig2Options{Target: Softswitch})
		c := n.process(corecast)
		n.controllerDies(c)
		n.everythingMoves(c)
	})
	t.Run("corecast switch", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs network namespaces: run as root")
		}
		n := newFaultNetOf(t, Fig2Options{Target: BMv2, Command: []string{corecast, "switch"}})
		n.everythingDies(n.process(corecast))
	})
	t.Run("bmv2", func(t *testing.T) {
		needBMv2(t)
		n := newFaultNetOf(t, Fig2Options{Target: BMv2})
		n.everythingDies(n.process(corecast))
	})
}

// buildCorecast builds the one binary.
func buildCorecast(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corecast")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../cmd/corecast").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func (n *faultNet) everythingDies(c *controllerProcess) {
	n.controllerDies(c)

	start := time.Now()
	n.killSwitch(0)
	n.startSwitch(0)
	began := time.Now()
	n.until("the controller sees that the switch is empty", func() bool { return c.switches()[ITRName].Pipelines == 1 })
	c.ready()
	n.Logf("switch killed: it was back after %v, and %d objects %v later", began.Sub(start), c.switches()[ITRName].Installed, time.Since(began))
	n.stream(1, nil)
	n.Logf("switch killed: media flows %v after it was back", time.Since(began))

	c.kill()
	n.killSwitch(0)
	n.startSwitch(0)
	c.start()
	c.ready()
	n.stream(3, nil)
}

// controllerDies: nobody loses anything, and the next controller finds every
// entry right.
func (n *faultNet) controllerDies(c *controllerProcess) {
	c.start()
	c.register(n.manyMappings(0)[len(n.fig.Config.Sites):])
	n.until("all mappings are on the switches", func() bool {
		c.ready()
		return c.switches()[ITRName].Installed > largeMapCache
	})
	n.until("all registrations are on disk", func() bool {
		var status struct {
			Store     struct{ Written, Waiting uint64 }
			MapServer struct{ Mappings int } `json:"map_server"`
		}
		c.get("/api/v1/status", &status)
		return status.MapServer.Mappings == largeMapCache && status.Store.Written > largeMapCache && status.Store.Waiting == 0
	})

	n.stream(30, func(i int) {
		switch i {
		case 9:
			c.kill()
		case 19:
			restarted := time.Now()
			c.start()
			serves := time.Since(restarted)
			c.ready()
			n.Logf("controller killed: the next one serves after %v, and all is right after %v", serves, time.Since(restarted))
		}
	})
	for name, sw := range c.switches() {
		if sw.Updates != 0 || sw.Pipelines != 0 || sw.Wanted < largeMapCache {
			n.Errorf("%s: %d updates and %d programs were written to a switch that was right, of %d wanted", name, sw.Updates, sw.Pipelines, sw.Wanted)
		}
	}
}

// everythingMoves registers all mappings anew, elsewhere, as fast as their xTR
// can. All switches follow, by one update a mapping.
func (n *faultNet) everythingMoves(c *controllerProcess) {
	cpu, mallocs, start := c.cpu(), c.mallocs(), time.Now()
	c.register(n.manyMappings(1)[len(n.fig.Config.Sites):])
	registered := time.Since(start)
	updates := func() (sum uint64) {
		for _, sw := range c.switches() {
			sum += sw.Updates
		}
		return sum
	}
	want := uint64(largeMapCache * len(n.fig.Config.Switches))
	n.until("all switches have followed", func() bool { return updates() >= want })
	c.ready()
	took := time.Since(start)
	n.Logf("%d mappings moved in %v; all switches had followed %v later; %v of CPU and %.0f allocations a mapping and switch",
		largeMapCache, registered, took-registered, (c.cpu()-cpu)/time.Duration(want), (c.mallocs()-mallocs)/float64(want))
	if got := updates(); got != want {
		n.Errorf("%d updates for %d mappings on %d switches", got, largeMapCache, len(n.fig.Config.Switches))
	}
	n.stream(3, nil)
}

func (n *faultNet) killSwitch(d int) {
	n.Helper()
	if err := n.fig.devices[SwitchName(d)].(*bmv2).kill(); err != nil {
		n.Fatal(err)
	}
}

// startSwitch starts a switch that was killed, on the same interfaces and at the
// same address.
func (n *faultNet) startSwitch(d int) {
	n.Helper()
	b := n.fig.devices[SwitchName(d)].(*bmv2)
	spec := n.fig.topology(n.options).Switches[d]
	p, err := startProcess(n.ctx, b.wires.ns, spec, b.wires.iface, b.dir)
	if err != nil {
		n.Fatal(err)
	}
	b.process = p
}

// controllerProcess is a `corecast controller` that runs beside the test.
type controllerProcess struct {
	n      *faultNet
	binary string
	dir    string
	cmd    *exec.Cmd
	log    tail.Tail
	rest   string
	lisp   netip.AddrPort
}

// process prepares a controller for the network, with many mappings besides.
func (n *faultNet) process(binary string) *controllerProcess {
	n.Helper()
	c := &controllerProcess{n: n, binary: binary, dir: n.TempDir()}
	file, err := os.Create(filepath.Join(c.dir, "corecast.yaml"))
	if err != nil {
		n.Fatal(err)
	}
	defer file.Close()
	if err := processConfig.Execute(file, n.fig.Config); err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() {
		if n.Failed() {
			n.Logf("the controller's last output:\n%s", c.log.String())
		}
		if c.cmd != nil {
			c.kill()
		}
	})
	return c
}

var processConfig = template.Must(template.New("").Parse(`
listen: { http: "127.0.0.1:0", lisp: ["127.0.0.1:0"] }
store: "file:corecast.db"
map_cache: { preinstall: 20000 }
switches:
{{- range .Switches }}
  - name: {{ .Name }}
    address: "{{ .Address }}"
    device_id: {{ .DeviceID }}
    target: {{ .Target }}
    site: {{ .Site }}
    ports:
    {{- range .Ports }}
      - { id: {{ .ID }}, role: {{ .Role }}, mac: "{{ .MAC }}"
          {{- if .Address.IsValid }}, address: {{ .Address }}{{ end }}{{ if .Peer }}, peer: {{ .Peer }}{{ end }} }
    {{- end }}
    neighbors:
    {{- range .Neighbors }}
      - { address: {{ .Address }}, mac: "{{ .MAC }}" }
    {{- end }}
{{- end }}
sites:
{{- range .Sites }}
  - name: {{ .Name }}
    eid_prefixes: [ {{ range .EIDPrefixes }}{{ . }}, {{ end }} ]
    {{- if .ReservedEIDs.IsValid }}
    reserved_eids: {{ .ReservedEIDs }}
    {{- end }}
    rlocs: [ {{ range .RLOCs }}{ address: {{ .Address }} }, {{ end }} ]
    corecast: true
    accept_streams: {{ .AcceptStreams }}
{{- end }}
  - name: many
    eid_prefixes: [ 100.64.0.0/16 ]
    accept_more_specifics: true
    registration_timeout: 1h
    auth_keys: [ { id: 1, algorithm: hmac-sha256-128, secret: many } ]
channels:
{{- range .Channels }}
  - { name: {{ .Name }}, site: {{ .Site }}, source_eid: {{ .SourceEID }}, reserved_eid: {{ .ReservedEID }},
      ingress: { switch: {{ .Ingress.Switch }}, port: {{ .Ingress.Port }} } }
{{- end }}
`))

// start starts the controller and waits until it serves its REST API.
func (c *controllerProcess) start() {
	c.n.Helper()
	log := new(tail.Tail)
	c.cmd = exec.Command(c.binary, "controller", "--config", "corecast.yaml")
	c.cmd.Dir, c.cmd.Stderr = c.dir, log
	// It ends with us, however we end.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		c.n.Fatal(err)
	}
	for deadline := time.Now().Add(startLimit); ; time.Sleep(time.Millisecond) {
		_, after, _ := strings.Cut(log.String(), "REST API on ")
		if url, _, found := strings.Cut(after, ": see"); found {
			c.rest = url
			_, after, _ = strings.Cut(log.String(), "Map-Server on ")
			address, _, _ := strings.Cut(after, ",")
			c.lisp = netip.MustParseAddrPort(address)
			return
		}
		if time.Now().After(deadline) {
			c.n.Fatalf("the controller does not serve:\n%s", log.String())
		}
	}
}

// register registers mappings, as the xTR of their site.
func (c *controllerProcess) register(ms []controller.Mapping) {
	c.n.Helper()
	pid := os.Getpid()
	x, err := client.NewXTR(client.XTRConfig{
		RLOC:      netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 66, byte(pid >> 8), byte(pid)}), lisp.ControlPort),
		MapServer: c.lisp, KeyID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("many"), ProxyReply: true,
	})
	if err != nil {
		c.n.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	for part := range slices.Chunk(ms, 40) {
		var records []lisp.Record
		for _, m := range part {
			records = append(records, client.Mapping(m.EID(), m.RLOCs[0].Address))
		}
		if err := x.Register(ctx, records...); err != nil {
			c.n.Fatal(err)
		}
	}
	cancel()
	<-done
}

// kill ends the controller as nothing can be caught.
func (c *controllerProcess) kill() {
	if err := c.cmd.Process.Kill(); err == nil {
		_ = c.cmd.Wait()
	}
	c.cmd = nil
}

// switchState is what the REST API says of a switch.
type switchState struct {
	Name, Phase, Reason string
	Wanted, Installed   int
	Updates, Pipelines  uint64
}

func (c *controllerProcess) switches() map[string]switchState {
	c.n.Helper()
	var list struct{ Items []switchState }
	c.get("/api/v1/switches", &list)
	found := map[string]switchState{}
	for _, sw := range list.Items {
		found[sw.Name] = sw
	}
	return found
}

// cpu is how much the process has used.
func (c *controllerProcess) cpu() time.Duration {
	c.n.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		c.n.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime, 14 and 15 of proc(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			c.n.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// mallocs is how many allocations the process has made.
func (c *controllerProcess) mallocs() float64 {
	c.n.Helper()
	resp, err := http.Get(c.rest + "/metrics")
	if err != nil {
		c.n.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "go_memstats_mallocs_total "); ok {
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				c.n.Fatal(err)
			}
			return n
		}
	}
	c.n.Fatal("go_memstats_mallocs_total is not among the metrics")
	return 0
}

// get asks the REST API.
func (c *controllerProcess) get(path string, answer any) {
	c.n.Helper()
	resp, err := http.Get(c.rest + path)
	if err != nil {
		c.n.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		c.n.Fatal(err)
	}
}

// ready waits until all switches hold what is wanted.
func (c *controllerProcess) ready() {
	c.n.Helper()
	for deadline := time.Now().Add(startLimit); ; time.Sleep(10 * time.Millisecond) {
		all := c.switches()
		ready := len(all) == len(c.n.fig.Config.Switches)
		for _, sw := range all {
			ready = ready && sw.Phase == "ready"
		}
		if ready {
			return
		}
		if time.Now().After(deadline) {
			c.n.Fatalf("not ready: %+v; %v", all, c.n.fig.Alive())
		}
	}
}
