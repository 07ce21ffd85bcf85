package controller

import (
	"strconv"
	"time"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// puntLogInterval is how often at most the arrival of packet-ins is logged.
const puntLogInterval = 10 * time.Second

// takePunts counts packet-ins by reason until the session ends. Answering them
// (ARP, map-cache misses, new streams) is not done yet.
func (o *owner) takePunts(session *p4rt.Session) {
	var logged time.Time
	for in := range session.PacketIns() {
		reason := name(build.PuntReasons[:], in.Metadata[build.MetaPacketInReason])
		o.board.update(func(s *SwitchStatus) {
			s.Punts[reason]++
			s.PuntsDropped = session.PacketInsDropped()
		})
		if now := time.Now(); now.Sub(logged) >= puntLogInterval {
			logged = now
			o.log.Info("packet-in", "reason", reason, "port", in.Metadata[build.MetaPacketInIngressPort],
				"bytes", len(in.Payload), "so_far", o.board.read().Punts)
		}
	}
}

// name is the name of number n of a family of the program's, or the number.
func name(family []build.Named, n uint64) string {
	if n < uint64(len(family)) && family[n].Name != "" {
		return family[n].Name
	}
	return strconv.FormatUint(n, 10)
}
