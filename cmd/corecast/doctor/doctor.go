package doctor

import (
	"context"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
)

// Verdict is what a check came to.
type Verdict string

// The verdicts. Only Bad keeps something from working that was asked for.
const (
	Good Verdict = "ok"
	Note Verdict = "note" // works, but not for everything or not as well
	Bad  Verdict = "bad"
)

// Finding is the result of one check.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	What    string  `json:"what"`
	Fix     string  `json:"fix,omitempty"` // of what is not good
}

// Options say what is checked besides the host.
type Options struct {
	// Config is the configuration that is to run here; nil: none yet.
	Config *config.Config
	// Interfaces are those that a switch is to use.
	Interfaces []string
	// BMv2 says that the switch will be simple_switch_grpc.
	BMv2 bool
}

// check is one question.
type check struct {
	name string
	ask  func(ctx context.Context, report func(v Verdict, what, fix string))
}

// Run checks everything, in an order in which the first bad finding is the first
// to mend. Each finding is told as it is made.
func Run(ctx context.Context, o Options, tell func(Finding)) error {
	for _, c := range checks(o) {
		c.ask(ctx, func(v Verdict, what, fix string) {
			tell(Finding{Check: c.name, Verdict: v, What: what, Fix: fix})
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func checks(o Options) []check {
	list := []check{{"program", program}}
	list = append(list, hostChecks()...)
	for _, name := range o.Interfaces {
		list = append(list, check{"interface " + name, func(_ context.Context, report reporter) { checkInterface(name, o.BMv2, report) }})
	}
	list = append(list, check{"bmv2", checkBMv2(o)})
	cfg := o.Config
	if cfg == nil {
		return append(list, check{"ports", func(_ context.Context, report reporter) { checkPorts(defaultPorts(), report) }})
	}
	list = append(list, check{"ports", func(_ context.Context, report reporter) { checkPorts(portsOf(cfg), report) }})
	if cfg.Store != "" {
		list = append(list, check{"store", func(_ context.Context, report reporter) { checkStore(cfg.Store, report) }})
	}
	for i := range cfg.Switches {
		sw := &cfg.Switches[i]
		list = append(list, check{"switch " + sw.Name, func(ctx context.Context, report reporter) { checkSwitch(ctx, sw, p4rt.TLSFiles(cfg.P4Runtime), report) }})
	}
	return list
}

// reporter takes what a check found.
type reporter = func(v Verdict, what, fix string)
