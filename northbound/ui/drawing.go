package ui

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// drawing is a topology laid out, for a template to draw as SVG.
type drawing struct {
	Width, Height int
	Boxes         []box
	Lines         []line
	Labels        []label
}

type box struct {
	X, Y, W, H int
	Kind       string // source, switch, viewers
	State      string
	Title      string // its own text, cut
	Full       string // all there is to say
	Sub        string
	URL        string
}

// Middle is where text is centered.
func (b box) Middle() int { return b.X + b.W/2 }

// TitleY and SubY are the baselines of the two texts.
func (b box) TitleY() int { return b.Y + b.H/2 - 4 }
func (b box) SubY() int   { return b.Y + b.H/2 + 15 }

type line struct {
	Path   string
	Active bool
	Bad    bool
}

// rank orders lines of which one hides the other.
func (l line) rank() int {
	switch {
	case l.Active:
		return 2
	case !l.Bad:
		return 1
	}
	return 0
}

type label struct {
	X, Y   int
	Anchor string
	Text   string
	Weak   bool
}

// The wide layout: source, ITR, ETRs and viewers from left to right.
const (
	wideWidth = 1040
	boxH      = 56
	rowH      = 84
	sourceW   = 150
	itrX      = 220
	itrW      = 150
	bendX     = 450 // where lines become straight, for their labels
	etrX      = 600
	etrW      = 160
	viewersX  = 884
	viewersW  = 148
	margin    = 8
)

// Wide lays the topology out for wide screens.
func (t *topology) Wide() drawing {
	d := drawing{Width: wideWidth}
	y := margin
	for i := range t.Groups {
		y = d.wideGroup(&t.Groups[i], y) + margin
	}
	d.Height = y
	return d
}

func (d *drawing) wideGroup(g *group, top int) (bottom int) {
	rows := max(1, len(g.Branches))
	middle := top + rows*rowH/2
	y := middle - boxH/2
	d.Boxes = append(d.Boxes,
		box{0 + margin, y, sourceW, boxH, "source", "", g.source(18), strings.Join(g.Channels, ", "), g.payloads(), g.sourceURL()},
		switchBox(g.ITR, itrX, y, itrW, "ITR"))
	d.Lines = append(d.Lines, line{fmt.Sprintf("M%d %dH%d", margin+sourceW, middle, itrX), g.Payloads > 0, false})
	for i := range g.Branches {
		b := &g.Branches[i]
		by := top + i*rowH + rowH/2
		path := fmt.Sprintf("M%d %dC%d %d %d %d %d %dH%d", itrX+itrW, middle, itrX+itrW+40, middle, bendX-50, by, bendX, by, etrX)
		d.Lines = append(d.Lines, line{path, b.Active(), b.ETR.State == "failing"},
			line{fmt.Sprintf("M%d %dH%d", etrX+etrW, by, viewersX), b.Local > 0, false})
		d.Labels = append(d.Labels,
			label{(bendX + etrX) / 2, by - 8, "middle", b.transit(), !b.Active()},
			label{(bendX + etrX) / 2, by + 18, "middle", b.perPayload(), true},
			label{(etrX + etrW + viewersX) / 2, by - 8, "middle", b.local(), b.Local == 0})
		d.Boxes = append(d.Boxes, switchBox(b.ETR, etrX, by-boxH/2, etrW, "ETR"), b.viewers(viewersX, by-boxH/2, viewersW))
	}
	return top + rows*rowH
}

// The narrow layout: everything below each other, ETRs as branches of a trunk.
const (
	narrowWidth = 360
	trunkX      = 20
	branchX     = 46
	branchH     = 112
)

// Narrow lays the topology out for narrow screens.
func (t *topology) Narrow() drawing {
	d := drawing{Width: narrowWidth}
	y := margin
	for i := range t.Groups {
		y = d.narrowGroup(&t.Groups[i], y) + 2*margin
	}
	// Lines share the trunk: those in trouble do not hide others.
	slices.SortStableFunc(d.Lines, func(a, b line) int { return a.rank() - b.rank() })
	d.Height = y
	return d
}

func (d *drawing) narrowGroup(g *group, top int) (bottom int) {
	const gap, half = 26, 150
	d.Boxes = append(d.Boxes,
		box{margin, top, half, boxH, "source", "", g.source(16), strings.Join(g.Channels, ", "), g.payloads(), g.sourceURL()},
		switchBox(g.ITR, narrowWidth-margin-half, top, half, "ITR"))
	middle := top + boxH/2
	d.Lines = append(d.Lines, line{fmt.Sprintf("M%d %dH%d", margin+half, middle, narrowWidth-margin-half), g.Payloads > 0, false})
	// The trunk leaves the ITR below and comes down on the left.
	y := top + boxH + gap
	for i := range g.Branches {
		b := &g.Branches[i]
		by := y + i*branchH + branchH/2
		path := fmt.Sprintf("M%d %dV%dH%dV%dH%d", narrowWidth-margin-half/2, top+boxH, top+boxH+gap/2, trunkX, by, branchX)
		d.Lines = append(d.Lines, line{path, b.Active(), b.ETR.State == "failing"},
			line{fmt.Sprintf("M%d %dH%d", branchX+half, by, narrowWidth-margin-110), b.Local > 0, false})
		d.Labels = append(d.Labels, label{branchX, by - boxH/2 - 9, "start", strings.TrimPrefix(b.transit()+" · "+b.perPayload(), " · "), !b.Active()})
		d.Boxes = append(d.Boxes, switchBox(b.ETR, branchX, by-boxH/2, half, "ETR"), b.viewers(narrowWidth-margin-110, by-boxH/2, 110))
	}
	return y + len(g.Branches)*branchH
}

// payloads is their rate in words.
func (g *group) payloads() string {
	if g.Unknown {
		return "counted by " + short(10, g.ITR.Master)
	}
	if g.Unread {
		return "rate not known"
	}
	return strings.TrimSuffix(rate(g.Payloads), "/s") + " payloads/s"
}

// transit is the rate from the ITR, if that is known.
func (b *branch) transit() string {
	if b.Unread {
		return ""
	}
	return bits(b.Transit)
}

// local is the rate to the viewers, if that is known.
func (b *branch) local() string {
	if b.Foreign || b.Unread || b.Silent || b.ETR.Master != "" {
		return ""
	}
	return bits(b.Local)
}

// source names what enters.
func (g *group) source(room int) string {
	if len(g.Channels) == 1 {
		return short(room, g.Channels[0])
	}
	return fmt.Sprintf("%d channels", len(g.Channels))
}

func (g *group) sourceURL() string {
	if len(g.Channels) == 1 {
		return "/channels/" + url.PathEscape(g.Channels[0])
	}
	return "/channels"
}

func switchBox(n node, x, y, w int, role string) box {
	full := role + " " + n.Name
	if n.Site != "" {
		full += " of site " + n.Site
	}
	if n.State != "" {
		full += ": " + strings.TrimSpace(n.State+" "+n.Why)
	}
	if n.Master != "" {
		full += ", mastered by node " + n.Master
	}
	sub := role
	if n.Site != "" {
		sub += " · " + short(14, n.Site)
	}
	return box{x, y, w, boxH, "switch", n.State, short(16, n.Name), full, sub, n.URL}
}

func (b *branch) viewers(x, y, w int) box {
	title, full := fmt.Sprintf("%s viewers", count(b.Viewers)), ""
	switch {
	case b.Multicast && !b.Counted:
		title, full = "a group", "the ETR delivers by multicast: who receives is not known"
	case b.Foreign && !b.Counted:
		title, full = "viewers", "the ETR is somebody else's: its viewers are not known"
	case !b.Counted:
		title, full = "viewers", "node "+b.ETR.Master+" counts them"
	case b.Viewers == 1:
		title = "1 viewer"
	}
	sub := b.ETR.Site
	return box{x, y, w, boxH, "viewers", "", title, strings.TrimSpace(title + " behind " + b.ETR.Name + " " + full), short(16, sub), ""}
}

// perPayload says how many copies of each payload there are.
func (b *branch) perPayload() string {
	switch {
	case b.Unread:
		return "not known"
	case !b.Active():
		return "nothing sent"
	case b.PerPayload == 0:
		return "headers only"
	}
	return times(b.PerPayload) + " copies/payload"
}
