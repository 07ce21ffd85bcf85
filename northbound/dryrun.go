package northbound

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/corecast/corecast/controller"
	"github.com/corecast/corecast/controller/inventory"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/northbound/api"
)

// maxUpdates is how many updates of a switch are told.
const maxUpdates = 1000

// dryRun answers what a change would do.
func (s *Server) dryRun(ctx context.Context, c inventory.Change) (*writeOutput, error) {
	select { // each takes the work of applying a whole configuration
	case s.dry <- struct{}{}:
		defer func() { <-s.dry }()
	case <-ctx.Done():
		return nil, refusal(ctx.Err(), nil)
	}
	// What was acknowledged before may still be on its way into the plans. If it
	// cannot be applied, the status says so; the difference is from what is.
	if _ = s.opts.Inventory.Flush(ctx); ctx.Err() != nil {
		return nil, refusal(ctx.Err(), nil)
	}
	r, err := s.opts.Inventory.Preview(ctx, c)
	if err != nil {
		return nil, refusal(err, c.Body)
	}
	previews, err := s.opts.Controller.Preview(r.Config)
	if err != nil {
		return nil, fail(http.StatusConflict, "the switches could not be told: "+err.Error())
	}
	out := api.DryRun{Change: r.Did, Object: api.Ref{Kind: api.Kind(c.Kind), Name: c.Name},
		Warnings: append([]string{}, r.Warnings...), Switches: []api.SwitchDiff{}}
	if r.Before != nil {
		out.Before = asJSON(r.Before.Spec)
	}
	if r.After != nil {
		out.After = asJSON(r.After.Spec)
	}
	for i := range previews {
		out.Switches = append(out.Switches, switchDiff(&previews[i]))
	}
	return &writeOutput{Status: http.StatusOK, Body: out}, nil
}

func asJSON(spec inventory.Spec) json.RawMessage {
	data, _ := json.Marshal(spec) // plain values
	return data
}

func switchDiff(p *controller.Preview) api.SwitchDiff {
	d := api.SwitchDiff{Switch: p.Switch, Updates: []api.P4Update{}, Problems: append([]string{}, p.Problems...), Tables: []api.TableRoom{}}
	for _, u := range p.Updates {
		switch u.Op {
		case p4rt.Insert:
			d.Inserts++
		case p4rt.Modify:
			d.Modifies++
		case p4rt.Delete:
			d.Deletes++
		}
	}
	for _, u := range p.Updates[:min(len(p.Updates), maxUpdates)] {
		table, key, found := strings.Cut(u.Object.Key(), " ")
		if i := strings.IndexByte(table, '['); !found && i > 0 { // a meter cell
			table, key = table[:i], table[i:]
		}
		d.Updates = append(d.Updates, api.P4Update{Update: u.Op.String(), Table: table, Key: key, Entry: u.Object.String()})
	}
	for _, t := range p.Tables {
		d.Tables = append(d.Tables, api.TableRoom(t))
	}
	slices.SortFunc(d.Tables, func(x, y api.TableRoom) int { return strings.Compare(x.Table, y.Table) })
	return d
}
