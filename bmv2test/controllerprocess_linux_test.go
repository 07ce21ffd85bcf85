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
	"text/template"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/internal/tail"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
)

// A controller that is a process of its own.

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
