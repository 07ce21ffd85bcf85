package mapserver

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/corecast/corecast/lisp"
)

// oracle is the database as a list that is searched from end to end.
type oracle []lisp.EID

func (o oracle) find(e lisp.EID) (best lisp.EID, ok bool) {
	for _, c := range o {
		if covers(c, e) && (!ok || c.Prefix.Bits() > best.Prefix.Bits()) {
			best, ok = c, true
		}
	}
	return best, ok
}

func (o oracle) divided(e lisp.EID) bool {
	return slices.ContainsFunc(o, func(c lisp.EID) bool { return c != e && covers(e, c) })
}

// hole tries every length, the widest first.
func (o oracle) hole(e lisp.EID, least int) lisp.EID {
	for bits := least; bits <= e.Prefix.Bits(); bits++ {
		p, _ := e.Prefix.Addr().Prefix(bits)
		if h := (lisp.EID{InstanceID: e.InstanceID, Prefix: p}); !o.divided(h) {
			return h
		}
	}
	return e
}

// drawEID draws prefixes that often nest: few bits differ.
func drawEID(t *rapid.T, label string) lisp.EID {
	a := netip.AddrFrom4([4]byte{10, rapid.Byte().Draw(t, label+" b") & 0x81, rapid.Byte().Draw(t, label+" c") & 0xc0, rapid.Byte().Draw(t, label+" d") & 3})
	if rapid.Bool().Draw(t, label+" six") {
		b := a.As4()
		a = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, b[1], b[2], 15: b[3]})
	}
	p, _ := a.Prefix(rapid.IntRange(0, a.BitLen()).Draw(t, label+" bits"))
	return lisp.EID{InstanceID: uint32(rapid.IntRange(0, 1).Draw(t, label+" instance")), Prefix: p}
}

func TestDatabaseIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		db, model := newDatabase(), oracle{}
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			e := drawEID(t, "change")
			if m := db.get(e); m != nil && rapid.Bool().Draw(t, "remove") {
				db.remove(m)
				model = slices.DeleteFunc(model, func(o lisp.EID) bool { return o == e })
				continue
			}
			if old := db.put(&mapping{eid: e, origin: registered}); old == nil {
				model = append(model, e)
			}
		}
		if db.counts[registered] != len(model) {
			t.Fatalf("%d mappings counted, %d put", db.counts[registered], len(model))
		}
		for range 20 {
			checkDatabase(t, db, model, drawEID(t, "asked"))
		}
	})
}

func checkDatabase(t *rapid.T, db *database, model oracle, e lisp.EID) {
	want, found := model.find(e)
	got := db.find(e)
	if found != (got != nil) || found && got.eid != want {
		t.Fatalf("find %s: %v, want %s %v", e, got, want, found)
	}
	if got, want := db.get(e) != nil, slices.Contains(model, e); got != want {
		t.Fatalf("get %s: %v, want %v", e, got, want)
	}
	if got, want := db.divided(e), model.divided(e); got != want {
		t.Fatalf("divided %s: %v, want %v", e, got, want)
	}
	least := 0
	if found {
		least = want.Prefix.Bits()
	}
	if got, want := db.hole(e, least), model.hole(e, least); got != want {
		t.Fatalf("hole around %s, at least /%d: %s, want %s", e, least, got, want)
	}
	var within oracle
	db.within(e, func(m *mapping) bool {
		within = append(within, m.eid)
		return true
	})
	for _, c := range model {
		if covers(e, c) != slices.Contains(within, c) {
			t.Fatalf("within %s: %v, of %v", e, within, model)
		}
	}
}

func TestWheelFindsWhatIsDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w wheel
		now := start
		alive := map[*registration]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				r := &registration{lifetime: uint32(rapid.IntRange(1, 1000).Draw(t, "lifetime"))}
				r.refreshed.Store(now.UnixNano())
				w.add(r)
				alive[r] = true
			case 1:
				for r := range alive {
					r.refreshed.Store(now.UnixNano())
					break
				}
			case 2:
				for r := range alive {
					w.remove(r)
					delete(alive, r)
					break
				}
			case 3:
				now = now.Add(time.Duration(rapid.IntRange(0, 400_000).Draw(t, "ms")) * time.Millisecond)
				w.advance(now)
				for r, _ := w.next(now, 1000); r != nil; r, _ = w.next(now, 1000) {
					if !alive[r] || r.expires() > now.UnixNano() {
						t.Fatalf("returned too early, or twice: due %s, now %s", time.Unix(0, r.expires()), now)
					}
					delete(alive, r)
				}
				for r := range alive {
					if late := now.UnixNano() - r.expires(); late > int64(time.Second) {
						t.Fatalf("%s late and not returned", time.Duration(late))
					}
				}
			}
		}
	})
}

func TestWheelLooksAtNoMoreThanAllowed(t *testing.T) {
	var w wheel
	w.advance(start)
	for range 10 {
		r := &registration{lifetime: 1}
		r.refreshed.Store(start.UnixNano())
		w.add(r)
	}
	now := start.Add(5 * time.Second)
	w.advance(now)
	n, budget := 0, 4
	for {
		var r *registration
		if r, budget = w.next(now, budget); r == nil {
			break
		}
		n++
	}
	if n != 4 || w.due == nil {
		t.Errorf("%d returned, rest %v; want 4 of 10", n, w.due != nil)
	}
}

func TestLimiter(t *testing.T) {
	l := newLimiter(limiterCells, 10, time.Second)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := start.UnixNano()
	for i := range 11 {
		if !l.allow(now, a, 1) {
			t.Fatalf("refused after %d of a burst of 10", i)
		}
	}
	if l.allow(now, a, 1) || !l.exhausted(now, a) {
		t.Error("allowed beyond the burst")
	}
	if l.cell(a) != l.cell(b) && !l.allow(now, b, 1) {
		t.Error("another source was refused")
	}
	n := 0
	for range 100 {
		now += int64(100 * time.Millisecond)
		for l.allow(now, a, 1) {
			n++
		}
	}
	if n < 99 || n > 101 {
		t.Errorf("%d allowed in 10 s at 10 a second", n)
	}
	six := newLimiter(limiterCells, 1, 0)
	if six.cell(netip.MustParseAddr("2001:db8::1")) != six.cell(netip.MustParseAddr("2001:db8::2")) {
		t.Error("two addresses of one /64 have cells of their own")
	}
	var none *limiter
	if !none.allow(now, a, 1<<20) || none.exhausted(now, a) {
		t.Error("no limiter refuses")
	}
}

func TestNegativeRecordsAreAsTheCodecMakesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEID(t, "EID")
		minutes := rapid.IntRange(0, 1440).Draw(t, "minutes")
		action := lisp.Action(rapid.IntRange(0, 5).Draw(t, "action"))
		r := lisp.Record{Prefix: lisp.PrefixOf(e), TTL: uint32(minutes), Action: action}
		want, err := r.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendNegative(nil, e, time.Duration(minutes)*time.Minute, action); !slices.Equal(got, want) {
			t.Fatalf("%s: % x, want % x", e, got, want)
		}
		narrow, err := e.Prefix.Addr().Prefix(rapid.IntRange(e.Prefix.Bits(), e.Prefix.Addr().BitLen()).Draw(t, "bits"))
		if err != nil {
			t.Fatal(err)
		}
		r.Prefix = lisp.PrefixOf(lisp.EID{InstanceID: e.InstanceID, Prefix: narrow})
		whole := want
		want, _ = r.Append(nil)
		if got := appendNarrowed(nil, whole, narrow); !slices.Equal(got, want) {
			t.Fatalf("%s narrowed to %s: % x, want % x", e, narrow, got, want)
		}
	})
}
