package bench

import (
	"errors"
	"fmt"
	"io"
)

// PlotSource draws the paper's figure 8 as SVG, with what a report of Source
// found: packets sent by S in a second over the scaling factor. The paper's
// source kept up to factor 4, 228,640 packets a second, and fell behind then.
func PlotSource(w io.Writer, r *Report) error {
	var rates []float64
	for factor := 1; factor <= paperFactors; factor++ {
		for _, x := range r.Results {
			if x.Name == ScaleName(factor) {
				rates = append(rates, x.Value)
			}
		}
	}
	if len(rates) != paperFactors {
		return errors.New("the report has no scaling factors to plot: measure them (--scale 2s)")
	}
	const (
		width, height             = 640, 400
		left, right, top, bottom  = 80, 20, 40, 50
		most                      = 450_000.0
		tick                      = 100_000
		paperLinear, paperHighest = 4, PaperViewers * 4 * paperPayloads
	)
	x := func(factor float64) float64 { return left + (width-left-right)*factor/paperFactors }
	y := func(rate float64) float64 { return height - bottom - (height-top-bottom)*rate/most }
	p := &printer{w: w}
	p.f(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`, width, height)
	p.f(`<rect width="%d" height="%d" fill="white"/>`, width, height)
	p.f(`<text x="%d" y="20" font-size="14">Packets sent by S, 40 payloads a second (the paper's figure 8)</text>`, left)
	for rate := 0; rate <= most; rate += tick {
		p.f(`<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`, left, width-right, y(float64(rate)), y(float64(rate)))
		p.f(`<text x="%d" y="%.1f" text-anchor="end">%d,000</text>`, left-8, y(float64(rate))+4, rate/1000)
	}
	for factor := 1; factor <= paperFactors; factor++ {
		p.f(`<text x="%.1f" y="%d" text-anchor="middle">%d</text>`, x(float64(factor)), height-bottom+18, factor)
	}
	p.f(`<text x="%.1f" y="%d" text-anchor="middle">scaling factor (× 1,429 viewers)</text>`, x(paperFactors/2.0), height-10)
	p.f(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#888" stroke-dasharray="4 4"/>`,
		x(0), y(0), x(paperFactors), y(PaperViewers*paperFactors*paperPayloads))
	p.f(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#c33"/>`, x(paperLinear), x(paperLinear), top, height-bottom)
	p.f(`<text x="%.1f" y="%d" fill="#c33">the paper's source kept up to here: %d</text>`, x(paperLinear)+6, top+16, paperHighest)
	for i, rate := range rates {
		p.f(`<circle cx="%.1f" cy="%.1f" r="5" fill="#06c"/>`, x(float64(i+1)), y(rate))
		p.f(`<text x="%.1f" y="%.1f" text-anchor="end" fill="#06c">%.0f</text>`, x(float64(i+1))-8, y(rate)-6, rate)
	}
	p.f(`<text x="%d" y="%d" fill="#06c">measured; dashed: what the viewers need</text>`, left+12, top+16)
	p.f(`</svg>`)
	return p.err
}

// printer prints lines until the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
