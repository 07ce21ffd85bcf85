package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/corecast/corecast/controller/config"
)

// listen is an address that something of ours is to listen on.
type listen struct {
	network, address, who string
}

func defaultPorts() []listen {
	return []listen{{"udp", "127.0.0.1:4342", "the Map-Server"}, {"tcp", "127.0.0.1:8080", "the REST API"}}
}

func portsOf(cfg *config.Config) []listen {
	var list []listen
	for _, a := range cfg.Listen.LISP {
		list = append(list, listen{"udp", a, "the Map-Server"})
	}
	if cfg.Listen.HTTP != "" {
		list = append(list, listen{"tcp", cfg.Listen.HTTP, "the REST API"})
	}
	return list
}

func checkPorts(list []listen, report reporter) {
	for _, l := range list {
		if l.network == "tcp" && controllerAt(l.address) {
			report(Good, fmt.Sprintf("a controller runs already and serves REST on %s", l.address), "")
			return // what else is in use is its own
		}
	}
	free := 0
	for _, l := range list {
		err := tryListen(l)
		switch {
		case err == nil:
			free++
		case errors.Is(err, syscall.EADDRINUSE):
			report(Bad, fmt.Sprintf("%s/%s, for %s, is in use", l.network, l.address, l.who),
				"stop what listens there (ss -lunp, ss -ltnp), or choose another address in listen:")
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			report(Bad, fmt.Sprintf("%s, for %s, is no address of this host", l.address, l.who), "choose one of `ip addr` in listen:")
		case errors.Is(err, fs.ErrPermission):
			report(Bad, fmt.Sprintf("%s/%s, for %s, may not be opened", l.network, l.address, l.who), "choose a port above 1023, or run as root")
		default:
			report(Bad, fmt.Sprintf("%s/%s, for %s: %v", l.network, l.address, l.who, err), "choose another address in listen:")
		}
	}
	if free == len(list) && free > 0 {
		report(Good, fmt.Sprintf("free: %d of %d addresses to listen on", free, len(list)), "")
	}
}

func tryListen(l listen) error {
	if l.network == "udp" {
		c, err := net.ListenPacket(l.network, l.address)
		if err == nil {
			err = c.Close()
		}
		return err
	}
	c, err := net.Listen(l.network, l.address)
	if err == nil {
		err = c.Close()
	}
	return err
}

// controllerAt reports whether a controller of ours answers there.
func controllerAt(address string) bool {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + address + "/healthz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// checkStore looks whether a store's file could be written.
func checkStore(name string, report reporter) {
	path, ok := strings.CutPrefix(name, "file:")
	if !ok {
		return // whether others answer, a start says best
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Mode().Perm()&0o077 != 0:
		report(Note, fmt.Sprintf("%s can be read by others (mode %v): it holds keys and leases", path, info.Mode().Perm()), "chmod 600 "+path)
		return
	case err == nil:
		report(Good, path+" is there", "")
		return
	case !errors.Is(err, fs.ErrNotExist):
		report(Bad, err.Error(), "choose another path in store:")
		return
	}
	dir := filepath.Dir(path)
	probe, err := os.CreateTemp(dir, ".corecast-doctor-*")
	if err != nil {
		report(Bad, fmt.Sprintf("no file can be made in %s: %v", dir, err), "mkdir -p "+dir+", or choose another path in store:")
		return
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	report(Good, path+" can be made", "")
}
