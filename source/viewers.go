package source

import (
	"time"

	"github.com/corecast/corecast/source/dstlist"
)

// NewViewerList returns a list for the viewers of a channel, with these in it
// for good.
func NewViewerList(channel Channel, viewers ...dstlist.Viewer) (*dstlist.List, error) {
	channel, err := channel.withDefaults()
	if err != nil {
		return nil, err
	}
	list := dstlist.New(dstlist.Options{IPv6: channel.SourceEID.Is6(), ListSize: channel.List})
	for _, v := range viewers {
		if _, err := list.Join(v, time.Time{}); err != nil {
			return nil, err
		}
	}
	return list, nil
}
