package demo

import (
	"time"

	"github.com/corecast/corecast/bmv2test"
	"github.com/corecast/corecast/wire/inet"
)

// hostFrames lets a source send through a host of the network.
type hostFrames struct{ host *bmv2test.Host }

func (h hostFrames) Send(frames [][]byte) (int, error) {
	if err := h.host.Send(frames...); err != nil {
		return 0, err
	}
	return len(frames), nil
}

// domain hands the packets that an ETR delivers to their viewers. One
// goroutine calls it.
type domain struct {
	stage    *stage
	datagram inet.Datagram
}

func (d *domain) deliver(frame []byte) {
	now := time.Now()
	var eth inet.Ethernet
	packet, err := eth.Decode(frame)
	if err != nil || eth.Type != inet.EtherTypeIPv4 {
		return // what a Linux interface says of itself
	}
	if d.datagram.Decode(packet) == nil {
		if v := d.stage.transit.viewer(d.datagram.Dst); v != nil {
			v.receive(d.datagram.Payload, now)
			return
		}
	}
	d.stage.strays.Add(1)
}
