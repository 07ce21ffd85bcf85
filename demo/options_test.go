package demo

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckNamesFlagAndFix(t *testing.T) {
	if o := Defaults(); o.Check() != nil {
		t.Fatalf("the defaults: %v", o.Check())
	}
	o := Defaults()
	if o.List = 32; o.Check() != nil {
		t.Errorf("lists of 32: %v", o.Check())
	}
	for _, c := range []struct {
		set  func(*Options)
		want string
	}{
		{func(o *Options) { o.Payload = 1473 }, "--payload 1473: want 1 to 1472"},
		{func(o *Options) { o.Payload = 0 }, "--payload 0"},
		{func(o *Options) { o.Clients = 0 }, "--clients 0"},
		{func(o *Options) { o.Domains = MaxDomains + 1 }, "--domains 201"},
		{func(o *Options) { o.Redundancy = 256 }, "--redundancy 256"},
		{func(o *Options) { o.Loss = 1.5 }, "--loss 1.5"},
		{func(o *Options) { o.Loss = -0.1 }, "--loss -0.1"},
		{func(o *Options) { o.Duration = -1 }, "--duration"},
		{func(o *Options) { o.List = 0 }, "--list 0"},
		{func(o *Options) { o.List = 33 }, "--list 33: want 1 (the paper's header packet) to 32"},
		{func(o *Options) { o.Target = "tofino" }, "--target tofino: want softswitch or bmv2"},
	} {
		o := Defaults()
		c.set(&o)
		err := o.Check()
		var option *OptionError
		if !errors.As(err, &option) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// TestCopiesFor checks the rule: a copy, and a repeat after every n headers.
func TestCopiesFor(t *testing.T) {
	for _, c := range []struct {
		viewers, list, redundancy int
		want                      uint64
	}{
		{7, 1, 0, 1}, {7, 1, 3, 3}, {6, 1, 3, 2}, {32, 32, 1, 1}, {33, 32, 1, 2}, {640, 32, 4, 5}, {640, 32, 0, 1},
	} {
		if got := copiesFor(c.viewers, c.list, c.redundancy); got != c.want {
			t.Errorf("%d viewers in lists of %d, redundancy %d: %d copies, want %d", c.viewers, c.list, c.redundancy, got, c.want)
		}
	}
}
