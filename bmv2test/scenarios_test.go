package bmv2test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/corecast/corecast/p4/build"
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
	return all
}

// TestScenarios runs every scenario on every target.
func TestScenarios(t *testing.T) {
	t.Run("softswitch", func(t *testing.T) { runScenarios(t, Fig2Options{Target: Softswitch}) })
	// The softswitch under the limits of stock bmv2 runs the loop where there
	// is no bmv2.
	t.Run("softswitch-stock", func(t *testing.T) {
		runScenarios(t, Fig2Options{Target: Softswitch, StockGrowth: true})
	})
	t.Run("softswitch-linux", func(t *testing.T) {
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

func runScenarios(t *testing.T, o Fig2Options) {
	list := scenarios()
	if len(list) == 0 {
		t.Fatal("there are no scenarios")
	}
	stages := make(map[string]*stage)
	stageFor := func(o Fig2Options) *stage {
		key := fmt.Sprintf("%+v", o)
		if stages[key] == nil {
			stages[key] = newStage(t, o)
		}
		return stages[key]
	}
	covered := &coverage{cells: make(map[cell]bool)}
	failed := false
	for _, sc := range list {
		ok := t.Run(sc.Name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s := stageFor(o)
			st := &T{T: t, stage: s, ctx: ctx, covered: covered, stages: func(change Fig2Options) *stage {
				change.Target = o.Target
				return stageFor(change)
			}}
			defer func() {
				if err := s.fig.Alive(); err != nil {
					t.Error(err)
				}
			}()
			sc.Run(st)
		})
		failed = failed || !ok
		if t.Failed() && stages[fmt.Sprintf("%+v", o)] != nil && stages[fmt.Sprintf("%+v", o)].fig.Alive() != nil {
			t.Fatal("a switch died: the other scenarios were not run")
		}
	}
	if failed || filtered() {
		return // what was not run cannot be covered
	}
	for _, family := range []struct {
		counter string
		names   []build.Named
	}{
		{build.CounterDropReasons, build.DropReasons[:]},
		{build.CounterPuntReasons, build.PuntReasons[:]},
		{build.CounterSlotEvents, build.SlotEvents[:]},
	} {
		if missing := covered.missing(family.counter, family.names); len(missing) > 0 {
			t.Errorf("no scenario met these of %s: %s", family.counter, strings.Join(missing, ", "))
		}
	}
	t.Logf("%d scenarios", len(list))
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
// says that it must.
func needBMv2(t *testing.T) {
	t.Helper()
	missing := ""
	if _, err := exec.LookPath(BMv2Binary); err != nil {
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
