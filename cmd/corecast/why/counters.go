package why

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/corecast/corecast/northbound/api"
)

// counters looks twice at what the switches on the way have dropped: what has been
// is told, what grows is where media goes now.
func (w *walker) counters(ctx context.Context, switches []string) error {
	before := map[string]api.Drops{}
	for _, name := range switches {
		drops, err := w.drops(ctx, name)
		if err != nil {
			return err
		}
		before[name] = drops
	}
	select {
	case <-time.After(w.counting):
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, name := range switches {
		now, err := w.drops(ctx, name)
		if err != nil {
			return err
		}
		if grown := growth(before[name], now); len(grown) > 0 {
			return w.stop("counters", fmt.Sprintf("switch %s drops packets now, of this viewer or of others: %s within %v", name, strings.Join(grown, ", "), w.counting),
				fmt.Sprintf("corecast switch show %s --watch; what each reason means: docs/metrics.md", name))
		}
		if list := counts(now); len(list) > 0 {
			w.right("counters", "switch %s drops nothing now; since its start it has dropped %s", name, strings.Join(list, ", "))
		} else {
			w.right("counters", "switch %s has dropped nothing", name)
		}
	}
	return nil
}

// drops asks what a switch has dropped. A switch that does not say so is where
// the walk ends.
func (w *walker) drops(ctx context.Context, name string) (api.Drops, error) {
	drops, err := w.c.Drops(ctx, name)
	if err != nil {
		return drops, err
	}
	for _, u := range drops.Unread {
		return drops, w.stop("counters", fmt.Sprintf("switch %s does not tell what it drops: %s", name, u.Why), "corecast switch show "+name)
	}
	return drops, nil
}

// growth is what a switch dropped between two looks, by reason.
func growth(before, now api.Drops) (list []string) {
	was := map[string]uint64{}
	for _, d := range before.Items {
		was[d.Reason] = d.Packets
	}
	for _, d := range now.Items {
		if d.Packets > was[d.Reason] {
			list = append(list, fmt.Sprintf("%d %s", d.Packets-was[d.Reason], d.Reason))
		}
	}
	return list
}

func counts(drops api.Drops) (list []string) {
	for _, d := range drops.Items {
		list = append(list, fmt.Sprintf("%d %s", d.Packets, d.Reason))
	}
	return list
}
