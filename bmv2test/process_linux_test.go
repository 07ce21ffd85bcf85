package bmv2test

import (
	"context"
	"testing"
	"time"
)

// TestBMv2Starts also proves that the harness notices a death.
func TestBMv2Starts(t *testing.T) {
	needBMv2(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := Build(ctx, Topology{Switches: []SwitchSpec{{
		Name: "s1", DeviceID: 1, Target: BMv2, Ports: []uint32{1, 2, 3, 4}, Loop: [2]uint32{3, 4},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Alive(); err != nil {
		t.Error(err)
	}
	p := n.devices["s1"].(*bmv2).process
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if err := n.Alive(); err == nil {
		t.Error("a killed switch passes for alive")
	}
	if err := n.Close(); err == nil {
		t.Error("closing a network whose switch died is no error")
	}
}
