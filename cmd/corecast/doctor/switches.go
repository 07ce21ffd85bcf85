package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// answerTime is how long a switch has to answer.
const answerTime = 3 * time.Second

// program says which P4 program this version pushes.
func program(_ context.Context, report reporter) {
	_, pipeline, err := controller.Program()
	if err != nil {
		report(Bad, err.Error(), "build corecast again: its P4 program does not fit it")
		return
	}
	report(Good, fmt.Sprintf("P4 program %016x, %d tables", pipeline.Cookie(), len(build.P4Info().GetTables())), "")
}

func checkSwitch(ctx context.Context, sw *config.Switch, files p4rt.TLSFiles, report reporter) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	protection, err := files.Load()
	if err != nil {
		report(Bad, "p4runtime."+err.Error(), "name files that this user may read")
		return
	}
	found, err := p4rt.Probe(ctx, p4rt.Options{Address: sw.Address, DeviceID: sw.DeviceID, TLS: protection})
	if err != nil {
		what, fix := err.Error(), controller.Fix(err)
		if strings.Contains(what, "connection refused") {
			what, fix = "nothing listens at "+sw.Address, ""
		}
		if fix == "" {
			fix = fmt.Sprintf("start it: %s --no-p4 --device-id %d -i PORT@INTERFACE … -- --grpc-server-addr %s --cpu-port %d",
				starter(sw.Target), sw.DeviceID, sw.Address, build.CPUPort)
		}
		report(Bad, what, fix)
		return
	}
	_, pipeline, err := controller.Program()
	switch {
	case err != nil:
		return // said already
	case !found.Running:
		report(Good, "answers; it runs no program yet: the controller pushes it", "")
	case found.Cookie == pipeline.Cookie():
		report(Good, "answers, and runs this version's program", "")
	default:
		report(Note, fmt.Sprintf("runs program %016x: the controller will replace it, and the switch starts empty", found.Cookie),
			"if another controller owns it, take it out of the configuration")
	}
}

// starter is the command that runs a target.
func starter(t config.Target) string {
	if t == config.BMv2 {
		return "simple_switch_grpc"
	}
	return "corecast switch"
}
