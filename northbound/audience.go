package northbound

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/ui"
)

// audiences adds up what sources report, for the dashboard.
type audiences struct {
	server *Server

	mu   sync.Mutex // held while reports are added up; guards what follows
	at   time.Time
	last map[string]*ui.Audience
}

// audiencePeriod is how old what was added up may be: there may be many viewers,
// and many pages that ask.
const audiencePeriod = time.Second

// of returns the audiences by channel, which nobody may change.
func (a *audiences) of(now time.Time) map[string]*ui.Audience {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil || now.Sub(a.at) >= audiencePeriod {
		a.last, a.at = a.server.addAudiences(now), now
	}
	return a.last
}

func (s *Server) addAudiences(now time.Time) map[string]*ui.Audience {
	all, sites := map[string]*ui.Audience{}, s.siteFinder()
	reports := s.sources.all(now)
	for _, name := range slices.Sorted(maps.Keys(reports)) {
		r := reports[name]
		for i := range r.Channels {
			ch := &r.Channels[i]
			a := all[ch.Name]
			if a == nil {
				a = &ui.Audience{Reported: r.at, Sites: map[string]ui.Viewers{}}
				all[ch.Name] = a
			}
			a.Sources = append(a.Sources, name)
			if r.at.Before(a.Reported) {
				a.Reported = r.at
			}
			a.More += ch.More
			for j := range ch.Viewers {
				addViewer(a.Sites, sites(ch.Name, ch.Viewers[j].EID), &ch.Viewers[j])
			}
		}
	}
	return all
}

func addViewer(sites map[string]ui.Viewers, site string, v *api.SourceViewer) {
	n := sites[site]
	if v.CoreCast {
		n.CoreCast++
	} else {
		n.Unicast++
	}
	sites[site] = n
}
