package bmv2test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Scenario is one behaviour that every target must show. It runs on a Fig. 2
// network of seven viewers in three domains.
type Scenario struct {
	Name string
	Run  func(*T)
}

// scenarios is the one list for all targets.
func scenarios() []Scenario {
	var all []Scenario
	all = append(all, deliveryScenarios()...)
	all = append(all, redundancyScenarios()...)
	all = append(all, storeScenarios()...)
	all = append(all, ordinaryScenarios()...)
	all = append(all, dropScenarios()...)
	all = append(all, puntScenarios()...)
	all = append(all, growthScenarios()...)
	all = append(all, listScenarios()...)
	all = append(all, ipv6Scenarios()...)
	all = append(all, multicastScenarios()...)
	all = append(all, unicastScenarios()...)
	all = append(all, limitScenarios()...)
	return all
}

// TestScenarios runs every scenario on every target.
func TestScenarios(t *testing.T) {
	t.Run("softswitch", func(t *testing.T) { runScenarios(t, Fig2Options{Target: Softswitch}) })
	// The softswitch under the limits of stock bmv2 runs the loop where there
	// is no bmv2.
	t.Run("softswitch-stock", func(t *testing.T) {
		skipInShort(t)
		runScenarios(t, Fig2Options{Target: Softswitch, StockGrowth: true})
	})
	t.Run("softswitch-linux", func(t *testing.T) {
		skipInShort(t)
		if os.Geteuid() != 0 {
			t.Skip("needs network namespaces: run as root")
		}
		runScenarios(t, Fig2Options{Target: SoftswitchLinux})
	})
	t.Run("bmv2", func(t *testing.T) {
		needBMv2(t)
		runScenarios(t, Fig2Options{Target: BMv2})
	})
}

// skipInShort leaves out targets on which -short, which is for the race detector,
// would find nothing that it does not find on the first.
func skipInShort(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the same scenarios run on one softswitch only")
	}
}

func runScenarios(t *testing.T, o Fig2Options) {
	list := scenarios()
	if len(list) == 0 {
		t.Fatal("there are no scenarios")
	}
	covered := &coverage{cells: make(map[cell]bool)}
	o.DualStack, o.SecondPort = true, true
	usual := newStage(t, o)
	noLoop := newStage(t, Fig2Options{Target: o.Target, StockGrowth: true, NoLoop: true})
	limited := newStage(t, limitedOptions(o.Target))
	for _, sc := range list {
		t.Run(sc.Name, func(t *testing.T) {
			sc.Run(&T{T: t, stage: usual, noLoop: noLoop, limited: limited, ctx: context.Background(), covered: covered})
		})
		if err := errors.Join(usual.fig.Alive(), noLoop.fig.Alive(), limited.fig.Alive()); err != nil {
			t.Fatalf("after scenario %q, the last to run: %v", sc.Name, err)
		}
	}
	t.Logf("%d scenarios", len(list))
	if !t.Failed() && !filtered() { // what was not run cannot be covered
		covered.check(t)
	}
}

// filtered reports whether -run leaves scenarios out.
func filtered() bool {
	for _, arg := range os.Args {
		if run, ok := strings.CutPrefix(arg, "-test.run="); ok && strings.Count(run, "/") > 1 {
			return true
		}
	}
	return false
}

// needBMv2 skips the test where bmv2 cannot run, unless CORECAST_REQUIRE_BMV2
// says that it must. Short runs leave it out: they are for the race detector,
// which has nothing to see there.
func needBMv2(t *testing.T) {
	t.Helper()
	missing := ""
	if testing.Short() {
		missing = "bmv2 is left out of short runs"
	} else if _, err := exec.LookPath(BMv2Binary); err != nil {
		missing = BMv2Binary + " is not on PATH: " + BMv2Hint
	} else if os.Geteuid() != 0 {
		missing = "bmv2 needs network namespaces: run as root"
	}
	switch {
	case missing == "":
	case os.Getenv("CORECAST_REQUIRE_BMV2") != "":
		t.Fatal(missing)
	default:
		t.Skip(missing)
	}
}
