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
		{func(o *Options) { o.List = 2 }, "--list 2"},
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
