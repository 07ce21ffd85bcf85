package station

import "github.com/corecast/corecast/source/dstlist"

// Now is how a channel is at the moment.
type Now struct {
	Channel                           string
	Payloads, Bytes, Headers, Unicast uint64 // sent since the start
	Viewers                           []dstlist.Viewer
	More                              int // viewers that there was no room for
}

// Now tells how the channels are that this station sends, with most viewers of
// all of them at most.
func (s *Station) Now(most int) []Now {
	var list []Now
	for _, c := range s.channels {
		if c.keep != nil && c.keep.standby() != "" {
			continue // another one tells
		}
		n := c.progress.Counts()
		now := Now{Channel: c.cfg.Name, Payloads: n.Payloads, Bytes: n.MediaBytes, Headers: n.Headers, Unicast: n.Unicast}
		for from, ok := uint32(0), true; ok && len(now.Viewers) < most; {
			var page []dstlist.Viewer
			page, from, ok = c.viewers.Page(from)
			now.Viewers = append(now.Viewers, page[:min(len(page), most-len(now.Viewers))]...)
		}
		most -= len(now.Viewers)
		now.More = max(0, c.viewers.Len()-len(now.Viewers))
		list = append(list, now)
	}
	return list
}
