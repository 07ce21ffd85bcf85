package bench

import "slices"

// series is one figure of each turn.
type series struct {
	name, unit string
	values     []float64
}

// addSeries adds the median of a series, once for each of those that it was
// measured beside with its ratio to that, turn by turn; and their own medians.
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
		r.Results = append(r.Results, res)
	}
	for _, a := range against {
		r.addSeries(a)
	}
}
