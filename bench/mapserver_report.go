package bench

import "slices"

// series is one figure of each turn.
type series struct {
	name, unit string
	values     []float64
}

// addSeries adds the median of a series; and its ratio to those that it was
// measured beside, turn by turn, with their own medians.
func (r *Report) addSeries(s series, against ...series) {
	res := Result{
		Name: s.name, Value: median(s.values), Unit: s.unit, Runs: len(s.values),
		Min: slices.Min(s.values), Max: slices.Max(s.values),
	}
	if len(against) == 0 {
		r.Results = append(r.Results, res)
	}
	for _, a := range against {
		ratios := make([]float64, len(s.values))
		for i := range ratios {
			ratios[i] = s.values[i] / a.values[i]
		}
		res.Against, res.Ratio = a.name, median(ratios)
		r.Results = append(r.Results, res, Result{
			Name: a.name, Value: median(a.values), Unit: a.unit, Runs: len(a.values),
			Min: slices.Min(a.values), Max: slices.Max(a.values),
		})
	}
}
