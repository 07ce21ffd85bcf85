package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corecast/corecast/source/sourcetest"
	"github.com/corecast/corecast/store/etcdtest"
)

// sourceProcess is a `corecast source` that a test runs, kills and stops.
type sourceProcess struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  string
	api  string        // where its viewer API is
	done chan struct{} // closed when it has ended
}

// startSource starts a source of the looped clip on the loopback interface.
func startSource(t *testing.T, reserved, eid string, flags ...string) *sourceProcess {
	t.Helper()
	dir := t.TempDir()
	media := filepath.Join(dir, "media")
	if err := os.WriteFile(media, bytes.Repeat([]byte("media "), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &sourceProcess{t: t, log: filepath.Join(dir, "log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command("corecast", append([]string{"source", "--channel", "news", "--input", media, "--loop", "--opaque",
		"--bitrate", "1000000", "--source-eid", eid, "--reserved-eid", reserved, "--listen", "127.0.0.1:0"}, flags...)...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.done); _ = p.cmd.Wait() }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("source %s:\n%s", eid, p.said())
		}
	})
	eventuallyIn(t, "the viewer API of "+eid, startLimit, func() bool {
		_, rest, _ := strings.Cut(p.said(), "viewers join at ")
		p.api, _, _ = strings.Cut(rest, "\n")
		return p.api != ""
	})
	return p
}

func (p *sourceProcess) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *sourceProcess) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && s != syscall.SIGKILL {
		p.t.Fatal(err)
	}
}

// kill ends the process without a word, and waits until it is gone.
func (p *sourceProcess) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// ask makes a request of the viewer API, and follows where that leads.
func (p *sourceProcess) ask(method, path, body string) (status int, answer map[string]any) {
	r, err := http.NewRequest(method, "http://"+p.api+"/v1"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	reply, err := client.Do(r)
	if err != nil {
		return 0, nil
	}
	defer reply.Body.Close()
	_ = json.NewDecoder(reply.Body).Decode(&answer)
	return reply.StatusCode, answer
}

const viewersPath = "/channels/news/viewers"

// awaitKept waits until a crash would lose no change of a lease.
func (p *sourceProcess) awaitKept() {
	p.t.Helper()
	eventuallyIn(p.t, "the leases to be kept", startLimit, func() bool {
		_, is := p.ask("GET", "/status", "")
		waiting, _ := is["waiting"].(map[string]any)
		return waiting["news"] == 0.0
	})
}

// join joins as a viewer of 127.0.0.1, where nobody listens.
func (p *sourceProcess) join(port uint16) (viewer netip.AddrPort, id string) {
	p.t.Helper()
	eventuallyIn(p.t, "a join", startLimit, func() bool {
		status, lease := p.ask("POST", viewersPath, fmt.Sprintf(`{"port": %d}`, port))
		id, _ = lease["id"].(string)
		return status == http.StatusCreated
	})
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), id
}

func (p *sourceProcess) renews(id string) bool {
	status, _ := p.ask("PUT", viewersPath+"/"+id, "")
	return status == http.StatusOK
}

func eventuallyIn(t *testing.T, what string, limit time.Duration, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// A source that is killed and started again goes on: its viewers receive without
// a word of theirs, leases can be renewed, and no sequence number is used again.
func TestSourceIsKilled(t *testing.T) {
	network := sourcetest.NewNetwork(t, "127.46.1.1")
	store := "file:" + filepath.Join(t.TempDir(), "source.db")
	first := startSource(t, "127.46.1.1", "127.46.1.2", "--store", store)
	viewer, id := first.join(46011)
	eventuallyIn(t, "media", startLimit, func() bool { return network.Count(viewer) > 10 })
	first.awaitKept()
	first.kill()
	before := network.Count(viewer)

	second := startSource(t, "127.46.1.1", "127.46.1.2", "--store", store)
	eventuallyIn(t, "media after the restart", startLimit, func() bool { return network.Count(viewer) > before+10 })
	if !second.renews(id) {
		t.Error("the lease of before cannot be renewed")
	}
	network.CheckNoneTwice(t)
}

// A standby takes over from a source that is killed, or stopped for a while;
// which is silent when it wakes.
func TestStandbyTakesOver(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds, and an etcd")
	}
	etcd := etcdtest.Start(t, etcdtest.Options{})
	for n, how := range []string{"killed", "stopped"} {
		t.Run(how, func(t *testing.T) {
			reserved := fmt.Sprintf("127.46.2.%d", n+1)
			network := sourcetest.NewNetwork(t, reserved)
			flags := []string{"--store", etcd.URL("source-" + how), "--takeover", "2s"}
			first := startSource(t, reserved, "127.46.2.11", flags...)
			viewer, id := first.join(46012)
			eventuallyIn(t, "media", startLimit, func() bool { return network.Count(viewer) > 10 })
			standby := startSource(t, reserved, "127.46.2.12", flags...)
			eventuallyIn(t, "the standby", startLimit, func() bool { return strings.Contains(standby.said(), "standing by") })
			if !standby.renews(id) {
				t.Error("the standby does not lead to the source that sends")
			}
			first.awaitKept()
			if how == "killed" {
				first.kill()
			} else {
				first.signal(syscall.SIGSTOP)
			}
			gone, before := time.Now(), network.Count(viewer)
			eventuallyIn(t, "media from the standby", startLimit, func() bool { return network.Count(viewer) > before+10 })
			t.Logf("media again after %v", time.Since(gone).Round(10*time.Millisecond))
			if !standby.renews(id) {
				t.Error("the standby does not renew the lease")
			}
			if how == "stopped" {
				first.signal(syscall.SIGCONT)
				eventuallyIn(t, "the first one to stand by", startLimit, func() bool { return strings.Contains(first.said(), "standing by: ") })
				if !first.renews(id) {
					t.Error("the first one does not lead to the source that sends now")
				}
			}
			network.CheckNoneTwice(t)
		})
	}
}
