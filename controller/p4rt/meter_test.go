package p4rt

import (
	"strings"
	"testing"

	p4v1 "github.com/p4lang/p4runtime/go/p4/v1"
	"pgregory.net/rapid"
)

func TestMeters(t *testing.T) {
	s := testSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &Meter{Name: "rates", Index: rapid.Int64Range(0, 3).Draw(t, "index")}
		if rapid.Bool().Draw(t, "limited") {
			u := rapid.Uint64Range(0, 1<<62)
			m.Config = &MeterConfig{u.Draw(t, "cir"), u.Draw(t, "cburst"), u.Draw(t, "pir"), u.Draw(t, "pburst")}
		}
		e, err := s.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Decode(e)
		if err != nil {
			t.Fatal(err)
		}
		if back := o.(*Meter); !back.Same(m) || back.String() != m.String() || back.Key() != m.Key() {
			t.Fatalf("%v became %v", m, back)
		}
	})
}

func TestSameMeter(t *testing.T) {
	limit := func(rate, burst uint64) *Meter { return &Meter{Config: &MeterConfig{rate, burst, rate, burst}} }
	for _, tc := range []struct {
		a, b *Meter
		same bool
	}{
		{&Meter{}, &Meter{}, true},
		{limit(5, 5), limit(5, 5), true},
		{limit(5, 5), limit(4, 5), true}, // what bmv2 makes of 5
		{limit(5, 5), limit(3, 5), false},
		{limit(5, 5), limit(5, 4), false},
		{limit(0, 0), &Meter{}, false},
		{&Meter{}, limit(0, 0), false},
	} {
		if tc.a.Same(tc.b) != tc.same {
			t.Errorf("%v and %v: same must be %v", tc.a, tc.b, tc.same)
		}
	}
	if got := limit(5, 6).String(); got != "[0] -> 5/s burst 6" {
		t.Errorf("prints %q", got)
	}
	if got := (&Meter{Name: "m", Config: &MeterConfig{1, 2, 3, 4}}).String(); got != "m[0] -> committed 1/s burst 2, peak 3/s burst 4" {
		t.Errorf("prints %q", got)
	}
}

func TestMeterMistakes(t *testing.T) {
	s := testSchema(t)
	for want, m := range map[string]*Meter{
		`no meter "rate" in the program`: {Name: "rate"},
		"meter rates: cell 4: it has 4":  {Name: "rates", Index: 4},
		"meter rates: cell -1: it has 4": {Name: "rates", Index: -1},
	} {
		if _, err := s.Encode(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for want, e := range map[string]*p4v1.MeterEntry{
		"meter id 0x9, which the program does not have": {MeterId: 9},
		"cell 4 of meter rates, which has 4":            {MeterId: 0x14000001, Index: &p4v1.Index{Index: 4}},
		"impossible limit of rates[0]":                  {MeterId: 0x14000001, Config: &p4v1.MeterConfig{Pir: -1}},
	} {
		if _, err := s.Decode(meterEntity(e)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
