package doctor

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/softswitch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// found collects what a check reports.
func found(run func(reporter)) (list []Finding) {
	run(func(v Verdict, what, fix string) { list = append(list, Finding{"", v, what, fix}) })
	return list
}

// expect wants one finding, and a fix unless it is good.
func expect(t *testing.T, name string, got []Finding, v Verdict, what string) {
	t.Helper()
	if len(got) != 1 || got[0].Verdict != v || !strings.Contains(got[0].What, what) || (v == Good) != (got[0].Fix == "") {
		t.Errorf("%s: %+v, want %s: %s", name, got, v, what)
	}
}

func TestHost(t *testing.T) {
	var list []Finding
	if err := Run(t.Context(), Options{}, func(f Finding) { list = append(list, f) }); err != nil {
		t.Fatal(err)
	}
	if len(list) < 4 || list[0].Check != "program" || list[0].Verdict != Good {
		t.Errorf("%+v", list)
	}
	for _, f := range list {
		if f.What == "" || (f.Verdict == Good) != (f.Fix == "") {
			t.Errorf("%+v", f)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ended, Options{}, func(Finding) {}); err == nil {
		t.Error("a run that was stopped says that it was not")
	}
}

func TestFlags(t *testing.T) {
	for line, want := range map[string]string{
		"simple_switch_grpc --no-p4 --device-id 1 -- --cpu-port 510":                  "",
		"simple_switch_grpc --no-p4 --device-id=1 -- --cpu-port=510 --drop-port=511":  "",
		"simple_switch_grpc --no-p4 --device-id 1":                                    "nothing is punted",
		"simple_switch_grpc --no-p4 --device-id 1 -- --cpu-port 255":                  `has --cpu-port "255"`,
		"simple_switch_grpc --no-p4 -- --cpu-port 510":                                "no --device-id",
		"simple_switch_grpc --no-p4 --device-id 2 -- --cpu-port 510 --drop-port 1022": "has --drop-port 1022",
		"simple_switch_grpc --no-p4 --device-id":                                      "nothing is punted",
	} {
		got := found(func(r reporter) { checkFlags(7, strings.Fields(line), r) })
		if want == "" {
			expect(t, line, got, Good, "has the flags")
		} else if len(got) == 0 || got[0].Verdict != Bad || !strings.Contains(got[0].What, want) || got[0].Fix == "" {
			t.Errorf("%s: %+v, want %q", line, got, want)
		}
	}
}

func TestPorts(t *testing.T) {
	stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ours := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer ours.Close()
	defer stranger.Close()
	taken := stranger.LocalAddr().String()
	cfg := &config.Config{}
	cfg.Listen.LISP = []string{"127.0.0.1:0"}
	for address, want := range map[string]Finding{
		"127.0.0.1:0":                 {Verdict: Good, What: "free: 2 of 2"},
		ours.Listener.Addr().String(): {Verdict: Good, What: "a controller runs already"},
		"192.0.2.1:0":                 {Verdict: Bad, What: "no address of this host"},
	} {
		cfg.Listen.HTTP = address
		expect(t, address, found(func(r reporter) { checkPorts(portsOf(cfg), r) }), want.Verdict, want.What)
	}
	cfg.Listen.LISP, cfg.Listen.HTTP = []string{taken}, ours.Listener.Addr().String()
	expect(t, "a controller with a Map-Server", found(func(r reporter) { checkPorts(portsOf(cfg), r) }), Good, "a controller runs already")
	cfg.Listen.HTTP = ""
	expect(t, taken, found(func(r reporter) { checkPorts(portsOf(cfg), r) }), Bad, "is in use")
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open.db")
	if err := os.WriteFile(open, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed.db")
	if err := os.WriteFile(closed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Finding{
		"file:" + filepath.Join(dir, "new.db"):         {Verdict: Good, What: "can be made"},
		"file:" + closed:                               {Verdict: Good, What: "is there"},
		"file:" + open:                                 {Verdict: Note, What: "can be read by others"},
		"file:" + filepath.Join(dir, "none", "new.db"): {Verdict: Bad, What: "no file can be made in"},
	} {
		expect(t, name, found(func(r reporter) { checkStore(name, r) }), want.Verdict, want.What)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".corecast-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSwitch(t *testing.T) {
	sw, err := softswitch.New(softswitch.Config{DeviceID: 3, CPUPort: 510})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sw.Serve(ctx, l) }()
	spec := &config.Switch{Name: "itr", Address: l.Addr().String(), DeviceID: 3}
	ask := func() []Finding {
		return found(func(r reporter) { checkSwitch(t.Context(), spec, p4rt.TLSFiles{}, r) })
	}
	expect(t, "empty", ask(), Good, "runs no program yet")
	push(t, spec)
	expect(t, "pushed", ask(), Good, "runs this version's program")
	spec.DeviceID = 4
	expect(t, "another device", ask(), Bad, "device")
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	expect(t, "ended", ask(), Bad, "nothing listens at "+spec.Address)
}

func push(t *testing.T, spec *config.Switch) {
	t.Helper()
	schema, program, err := controller.Program()
	if err != nil {
		t.Fatal(err)
	}
	session, err := p4rt.Dial(t.Context(), schema, p4rt.Options{Address: spec.Address, DeviceID: spec.DeviceID, ElectionID: p4rt.ElectionID{Low: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if _, err := session.EnsurePipeline(t.Context(), program); err != nil {
		t.Fatal(err)
	}
}
