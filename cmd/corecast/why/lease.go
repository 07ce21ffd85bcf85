package why

import (
	"context"
	"fmt"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// lease finds out which channels are for the viewer, by what sources report.
func (w *walker) lease(ctx context.Context, q *Question) ([]string, error) {
	sources, err := w.c.Sources(ctx)
	if err != nil {
		return nil, err
	}
	found, err := w.leases(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.Channel == "" && len(sources.Items) == 0 {
		if q.Channel, err = w.onlyChannel(ctx); err != nil {
			return nil, err
		}
	}
	switch {
	case len(found) > 0:
		var names []string
		for _, v := range found {
			w.right("lease", "%v:%d has joined %s at source %s", v.EID, v.Port, v.Channel, v.Source)
			q.Port = v.Port
			names = append(names, v.Channel)
		}
		return names, nil
	case q.Channel != "" && len(sources.Items) == 0:
		w.right("lease", "no source reports its viewers here: whether it has joined is not known")
		return []string{q.Channel}, nil
	case len(sources.Items) == 0:
		return nil, w.stop("lease", "no source reports its viewers here, so which channel it is about is not known",
			"name one with --channel, or start sources with --controller")
	}
	return nil, w.stop("lease", fmt.Sprintf("no viewer %v has joined%s", q.EID, of(q.Channel)),
		"corecast watch joins; the source tells why it refuses somebody")
}

// leases are those of the viewer.
func (w *walker) leases(ctx context.Context, q *Question) (found []api.Viewer, err error) {
	for v, err := range w.c.Viewers(ctx, client.ViewerFilter{Channel: q.Channel}) {
		if err != nil {
			return nil, err
		}
		if v.EID == q.EID && (q.Port == 0 || v.Port == q.Port) {
			found = append(found, v)
		}
	}
	return found, nil
}

// onlyChannel is the name of the channel, if there is just one.
func (w *walker) onlyChannel(ctx context.Context) (string, error) {
	name := ""
	for ch, err := range w.c.Channels(ctx, client.ChannelFilter{}) {
		switch {
		case err != nil:
			return "", err
		case name != "":
			return "", nil
		}
		name = ch.Name
	}
	return name, nil
}

func of(channel string) string {
	if channel == "" {
		return " any channel"
	}
	return " " + channel
}
