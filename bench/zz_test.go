package bench

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestZZ(t *testing.T) {
	a := Skewed(PaperViewers, PaperSites)
	itr, _ := newITR(200)
	var m maker
	r := m.itrRounds(a, 1)
	itr.ProcessBatch(1, r[0].frames, func(uint32, []byte) {})
	first := [][]byte{}
	rest := [][]byte{}
	k := 1
	for _, n := range a {
		first = append(first, r[0].frames[k])
		for i := 1; i < n; i++ {
			rest = append(rest, r[0].frames[k+i])
		}
		k += n
	}
	_ = first
	h := &load{name: "header", plane: itr, port: 1, rounds: []round{{rest, len(rest)}}, per: len(rest)}
	u := m.unicast(a, netip.Addr{})
	small := [][]byte{}
	for _, f := range u[0].frames {
		if len(f) < 200 {
			small = append(small, f)
		}
	}
	l := &load{name: "lisp small", plane: itr, port: 1, rounds: []round{{small, len(small)}}, per: len(small)}
	p := m.unicast(a, plainHost)
	ps := [][]byte{}
	for _, f := range p[0].frames {
		if len(f) < 200 {
			ps = append(ps, f)
		}
	}
	pl := &load{name: "plain small", plane: itr, port: 1, rounds: []round{{ps, len(ps)}}, per: len(ps)}
	// copies: payload then first headers
	var cr []round
	for i := range r {
		fr := [][]byte{r[i].frames[0]}
		k := 1
		for _, n := range a {
			fr = append(fr, r[i].frames[k])
			k += n
		}
		cr = append(cr, round{fr, 400})
	}
	itr2, _ := newITR(200)
	c := &load{name: "first header+copy", plane: itr2, port: 1, rounds: cr, per: 200}
	if err := measure([]*load{h, l, pl, c}, 21, 5e6); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*load{pl, l, h, c} {
		fmt.Println(x.name, median(x.times))
	}
}
