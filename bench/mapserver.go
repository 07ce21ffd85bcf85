package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"time"
)

// MapServerOptions shape the measurements of the Map-Server.
type MapServerOptions struct {
	Options
	// Sizes are how many prefixes are registered when Map-Requests are timed;
	// they grow.
	Sizes []int
	// Command returns the command that ends up in ServeMapServer.
	Command func() *exec.Cmd
	// Against is another Map-Server to compare with, if valid, and AgainstPID
	// its process on this machine. If AgainstSecret is set the prefixes are
	// registered there with it (key id 0, HMAC-SHA-1-96).
	Against       netip.AddrPort
	AgainstPID    int
	AgainstSecret string
}

// DefaultMapServerOptions are those of `corecast bench mapserver`.
func DefaultMapServerOptions() MapServerOptions {
	return MapServerOptions{Options: Options{Turns: 9, Slice: time.Second}, Sizes: []int{1000, 100_000, 1_000_000}}
}

func (o *MapServerOptions) check() error {
	last := 0
	for _, n := range o.Sizes {
		if n <= last || n > maxTable {
			return fmt.Errorf("sizes %v: want numbers of prefixes that grow, up to %d", o.Sizes, maxTable)
		}
		last = n
	}
	switch {
	case last == 0:
		return errors.New("no sizes: want at least one number of prefixes")
	case o.Command == nil:
		return errors.New("no command that runs the server")
	case o.Against.IsValid() && o.AgainstPID <= 0:
		return fmt.Errorf("compare with %s: its process id is needed too, to know the CPU time that it uses", o.Against)
	}
	return nil
}

// MapServer measures the Map-Server: it runs in a process of its own, and the
// clients in this one, on the same CPUs. What it is measured beside are echo
// servers with the same sockets, batches and workers, and answers of the same
// size: one that sends each by itself (bare), and one that sends those to one
// receiver together, as the Map-Server does.
func MapServer(ctx context.Context, o MapServerOptions) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	m := &mapServerBench{o: o, report: newReport()}
	steps := []func(context.Context) error{m.requests, m.registers, m.storm, m.convergence}
	if o.Against.IsValid() {
		steps = append(steps, m.against)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return m.report, nil
}

type mapServerBench struct {
	o      MapServerOptions
	report *Report
}

// withProcess runs f beside a server process.
func (m *mapServerBench) withProcess(config childConfig, f func(*process) error) error {
	p, err := startProcess(m.o.Command(), config)
	if err != nil {
		return err
	}
	return errors.Join(f(p), p.stop())
}

// withServers runs f beside a Map-Server and both echo servers.
func (m *mapServerBench) withServers(f func(server, bare, together *process) error) error {
	size, err := replySize()
	if err != nil {
		return err
	}
	return m.withProcess(childConfig{}, func(server *process) error {
		return m.withProcess(childConfig{Echo: size}, func(bare *process) error {
			return m.withProcess(childConfig{Echo: size, Together: true}, func(together *process) error {
				return f(server, bare, together)
			})
		})
	})
}

// requests times Map-Requests at each size, and weighs the mappings at the
// largest.
func (m *mapServerBench) requests(ctx context.Context) error {
	return m.withServers(func(server, bare, together *process) error {
		empty, err := server.heap()
		if err != nil {
			return err
		}
		registered := 0
		for _, size := range m.o.Sizes {
			if err := server.fill(registered, size); err != nil {
				return err
			}
			registered = size
			if err := m.requestsAt(ctx, size, server, bare, together); err != nil {
				return err
			}
		}
		full, err := server.heap()
		if err != nil {
			return err
		}
		per := (float64(full) - float64(empty)) / float64(registered)
		m.report.addSeries(series{fmt.Sprintf("memory of a mapping at %s", prefixes(registered)), "bytes", []float64{per}})
		return nil
	})
}

// fill registers the prefixes from first up to end.
func (p *process) fill(first, end int) error {
	packets, err := tableRegisters(first, end, 0)
	if err == nil {
		_, err = register(p.address, packets)
	}
	return err
}

// requestsAt times Map-Requests beside the echoes, in turns.
func (m *mapServerBench) requestsAt(ctx context.Context, size int, server, bare, together *process) error {
	offset, err := echoNonce()
	if err != nil {
		return err
	}
	contestants := []*contestant{
		{process: server, nonce: replyNonce, name: "Map-Requests at " + prefixes(size)},
		{process: bare, nonce: offset, name: "bare UDP echoes beside " + prefixes(size)},
		{process: together, nonce: offset, name: "UDP echoes sent together beside " + prefixes(size)},
	}
	for turn := range m.o.Turns {
		for i := range contestants {
			c := contestants[(turn+i)%len(contestants)] // each is first as often
			if err := c.turn(ctx, size, m.o.Slice); err != nil {
				return err
			}
		}
	}
	for _, figure := range []func(*contestant) series{
		func(c *contestant) series { return series{c.name, "/s", c.rates} },
		func(c *contestant) series { return series{"server's CPU time of " + c.name, "ns", c.cpu} },
		func(c *contestant) series { return series{"p50 of " + c.name, "µs", c.p50} },
		func(c *contestant) series { return series{"p99 of " + c.name, "µs", c.p99} },
	} {
		m.report.addSeries(figure(contestants[0]), figure(contestants[1]), figure(contestants[2]))
	}
	return nil
}

// prefixes is "100,000 prefixes".
func prefixes(n int) string {
	digits := fmt.Sprint(n)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), ",") + " prefixes"
}

// contestant is a server that is asked in turns with others, and what came of
// each turn.
type contestant struct {
	*process
	name                 string
	nonce                int       // offset of the nonce in its answers
	rates, cpu, p50, p99 []float64 // answers a second, ns, µs, µs
}

// turn asks a server for some time, after a while to warm up.
func (c *contestant) turn(ctx context.Context, size int, slice time.Duration) error {
	if _, err := ask(ctx, c.address, size, c.nonce, slice/10); err != nil {
		return err
	}
	before, err := c.usedCPU()
	if err != nil {
		return err
	}
	got, err := ask(ctx, c.address, size, c.nonce, slice)
	if err != nil {
		return err
	}
	after, err := c.usedCPU()
	if err != nil {
		return err
	}
	c.rates = append(c.rates, got.perSecond())
	c.cpu = append(c.cpu, float64((after-before).Nanoseconds())/float64(got.answers))
	c.p50 = append(c.p50, microseconds(got.latencies.quantile(0.5)))
	c.p99 = append(c.p99, microseconds(got.latencies.quantile(0.99)))
	return nil
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
